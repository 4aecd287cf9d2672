package order

import (
	"context"
	"time"
)

type IdempotencyKey struct {
	Key         string
	Fingerprint [32]byte
	Now         time.Time
	ExpiresAt   time.Time
}

type Placement struct {
	Order Order
	Event Placed
	Key   *IdempotencyKey
}

// Repository keeps orders. Add stores the order, its event and its idempotency key together or not at all; for a key
// that is still valid it returns the order of the first request and true, or ErrIdempotencyConflict when the
// fingerprints differ. Find returns ErrNotFound. List returns the newest first, at most page.Limit orders.
type Repository interface {
	Add(ctx context.Context, placement Placement) (Order, bool, error)
	Find(ctx context.Context, id ID) (Order, error)
	List(ctx context.Context, page Page) ([]Order, error)
}
