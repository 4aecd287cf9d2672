// Package outbox brings events from the outbox of a store to a broker.
package outbox

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

// ErrLeaseLost says that a lease has ended and another owner may have taken it. The call changed nothing.
var ErrLeaseLost = errors.New("lease has gone to another owner")

// Message is one event that waits. ID is that of the event; Payload is what events.DecodePlaced reads; TraceParent is the
// W3C trace context of the call that raised the event, or empty.
type Message struct {
	ID          string
	TraceParent string
	Payload     []byte
}

// Lease is the right to publish. Fence grows with each change of the owner.
type Lease struct {
	Owner string
	Fence int64
}

// Backlog is what waits; Oldest is how long the oldest message has waited. Parked messages are left out.
type Backlog struct {
	Pending int64
	Oldest  time.Duration
}

// Source is the outbox of a store. One owner at a time holds its lease, by the clock of the store.
type Source interface {
	// AcquireLease takes the lease for ttl when it is free or has ended, and reports whether it did. The owner who holds it
	// extends it and keeps the fence; after the end, or a release, the fence is a new one.
	AcquireLease(ctx context.Context, owner string, ttl time.Duration) (Lease, bool, error)
	// ReleaseLease frees the lease before it ends. A lease that was lost is left to its owner without an error.
	ReleaseLease(ctx context.Context, lease Lease) error
	// NextMessages gives the oldest messages, at most limit, and leaves them where they are.
	NextMessages(ctx context.Context, limit int) ([]Message, error)
	// MarkPublished removes messages. It may be repeated, and ids that are gone are no error. It fails with ErrLeaseLost once
	// another owner has the lease, or the lease was released.
	MarkPublished(ctx context.Context, lease Lease, ids []string) error
	// ParkMessage sets aside a message that cannot be published, with the reason, for a person to look at. It fails as
	// MarkPublished does.
	ParkMessage(ctx context.Context, lease Lease, id, reason string) error
	Backlog(ctx context.Context) (Backlog, error)
}

// TraceParent gives the trace context that a store keeps beside an event, or nothing outside of a trace.
func TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}
