package memory

import (
	"context"
	"fmt"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type unit struct {
	store  *Store
	events []order.Placed
}

func (u *unit) Apply(ctx context.Context, event order.Placed) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("apply event: %w", err)
	}
	if u.holds(event.EventID) || u.store.counted(event.EventID) {
		return false, nil
	}
	u.events = append(u.events, event)
	return true, nil
}

func (u *unit) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	summary, err := u.store.Daily(ctx, day)
	if err != nil {
		return order.DailySummary{}, err
	}
	for _, event := range u.events {
		if event.Day() == day {
			summary.Orders++
			summary.RevenueCents += event.TotalCents
		}
	}
	return summary, nil
}

func (u *unit) holds(id order.ID) bool {
	for _, event := range u.events {
		if event.EventID == id {
			return true
		}
	}
	return false
}
