package order

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	MaxItems          = 100
	MaxQuantity       = 10_000
	MaxUnitPriceCents = 100_000_000

	maxTokenLength  = 64
	tokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
)

type Status string

const StatusPlaced Status = "placed"

type Item struct {
	SKU            string
	Quantity       int64
	UnitPriceCents int64
}

type Draft struct {
	CustomerID string
	Items      []Item
}

type Snapshot struct {
	ID         ID
	CustomerID string
	Status     Status
	Items      []Item
	TotalCents int64
	CreatedAt  time.Time
}

type Order struct {
	state Snapshot
}

func Place(id ID, draft Draft, at time.Time) (Order, Placed, error) {
	total, err := check(draft)
	if err != nil {
		return Order{}, Placed{}, err
	}
	at = at.UTC().Truncate(time.Microsecond)
	placed := Order{state: Snapshot{
		ID:         id,
		CustomerID: draft.CustomerID,
		Status:     StatusPlaced,
		Items:      slices.Clone(draft.Items),
		TotalCents: total,
		CreatedAt:  at,
	}}
	event := Placed{
		EventID:    NewID(at),
		OrderID:    id,
		CustomerID: draft.CustomerID,
		TotalCents: total,
		OccurredAt: at,
	}
	return placed, event, nil
}

func Restore(state Snapshot) (Order, error) {
	total, err := check(Draft{CustomerID: state.CustomerID, Items: state.Items})
	if err != nil {
		return Order{}, fmt.Errorf("restore order %s: %w", state.ID, err)
	}
	if total != state.TotalCents || state.Status != StatusPlaced {
		return Order{}, fmt.Errorf("restore order %s: stored total or status contradicts its items", state.ID)
	}
	state.Items = slices.Clone(state.Items)
	state.CreatedAt = state.CreatedAt.UTC()
	return Order{state: state}, nil
}

func (o Order) ID() ID {
	return o.state.ID
}

func (o Order) Snapshot() Snapshot {
	state := o.state
	state.Items = slices.Clone(state.Items)
	return state
}

func check(draft Draft) (int64, error) {
	failed := &ValidationError{}
	if !isToken(draft.CustomerID) {
		failed.add("customer_id", "want 1 to %d letters, digits, '.', '_' or '-'", maxTokenLength)
	}
	if len(draft.Items) == 0 || len(draft.Items) > MaxItems {
		failed.add("items", "has %d entries, want 1 to %d", len(draft.Items), MaxItems)
		return 0, failed
	}
	var total int64
	seen := make(map[string]int, len(draft.Items))
	for i, item := range draft.Items {
		checkItem(failed, i, item)
		if first, found := seen[item.SKU]; found {
			failed.add(fmt.Sprintf("items[%d].sku", i), "repeats items[%d]", first)
		} else {
			seen[item.SKU] = i
		}
		total += item.Quantity * item.UnitPriceCents
	}
	return total, failed.orNil()
}

func checkItem(failed *ValidationError, index int, item Item) {
	if !isToken(item.SKU) {
		failed.add(fmt.Sprintf("items[%d].sku", index), "want 1 to %d letters, digits, '.', '_' or '-'", maxTokenLength)
	}
	if item.Quantity < 1 || item.Quantity > MaxQuantity {
		failed.add(fmt.Sprintf("items[%d].quantity", index), "is %d, want 1 to %d", item.Quantity, MaxQuantity)
	}
	if item.UnitPriceCents < 0 || item.UnitPriceCents > MaxUnitPriceCents {
		failed.add(fmt.Sprintf("items[%d].unit_price_cents", index), "is %d, want 0 to %d", item.UnitPriceCents, MaxUnitPriceCents)
	}
}

func isToken(text string) bool {
	if text == "" || len(text) > maxTokenLength {
		return false
	}
	return strings.Trim(text, tokenCharacters) == ""
}
