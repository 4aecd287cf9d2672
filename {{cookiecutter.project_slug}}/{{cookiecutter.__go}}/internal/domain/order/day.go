package order

import (
	"fmt"
	"time"
)

type Day string

type DailySummary struct {
	Day          Day
	Orders       int64
	RevenueCents int64
}

func ParseDay(text string) (Day, error) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return "", fmt.Errorf("%w: %q, want YYYY-MM-DD", ErrInvalidDay, clip(text))
	}
	return DayOf(at), nil
}

func DayOf(at time.Time) Day {
	return Day(at.UTC().Format(time.DateOnly))
}
