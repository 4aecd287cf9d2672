package order

import "time"

type Placed struct {
	EventID    ID
	OrderID    ID
	CustomerID string
	TotalCents int64
	OccurredAt time.Time
}

func (p Placed) Day() Day {
	return DayOf(p.OccurredAt)
}
