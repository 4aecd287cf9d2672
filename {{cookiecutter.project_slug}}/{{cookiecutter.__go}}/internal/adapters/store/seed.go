package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

type seed struct {
	id    order.ID
	at    time.Time
	draft order.Draft
}

func seeds() []seed {
	day := time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)
	item := func(sku string, quantity, price int64) order.Item {
		return order.Item{SKU: sku, Quantity: quantity, UnitPriceCents: price}
	}
	return []seed{
		{"019b8d62-7a80-7000-8000-000000000001", day, order.Draft{CustomerID: "c-100", Items: []order.Item{item("KEEL-1", 2, 1250)}}},
		{"019b8d63-64e0-7000-8000-000000000002", day.Add(time.Minute), order.Draft{CustomerID: "c-101", Items: []order.Item{item("SAIL-3", 1, 9900), item("ROPE-2", 4, 450)}}},
		{"019b9288-d680-7000-8000-000000000003", day.Add(24 * time.Hour), order.Draft{CustomerID: "c-100", Items: []order.Item{item("FLAG-7", 1, 0)}}},
	}
}

// Seed places the same few orders each time, and leaves alone those that are there. It returns how many it placed.
func Seed(ctx context.Context, orders order.Repository) (int, error) {
	placed := 0
	for _, one := range seeds() {
		made, event, err := order.Place(one.id, one.draft, one.at)
		if err != nil {
			return placed, fmt.Errorf("make seed %s: %w", one.id, err)
		}
		_, _, err = orders.Add(ctx, order.Placement{Order: made, Event: event})
		switch {
		case errors.Is(err, failure.ErrDuplicate):
		case err != nil:
			return placed, fmt.Errorf("place seed %s: %w", one.id, err)
		default:
			placed++
		}
	}
	return placed, nil
}
