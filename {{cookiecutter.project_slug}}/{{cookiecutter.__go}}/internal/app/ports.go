package app

import (
	"context"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type Clock func() time.Time

// Summaries keeps the sales of each day. Apply counts an event once, however often it is delivered, and reports whether
// it counted. Daily returns a summary of zeros for a day without sales.
type Summaries interface {
	Apply(ctx context.Context, event order.Placed) (bool, error)
	Daily(ctx context.Context, day order.Day) (order.DailySummary, error)
}

type Projection func(ctx context.Context, event order.Placed, summaries Summaries) error

type Batch struct {
	Taken  int
	Parked int
}

// Inbox hands over events that wait to be projected. What the projection writes and the removal of the event happen
// together or not at all; an event that cannot be read is parked, so that it does not hold up the rest.
type Inbox interface {
	Take(ctx context.Context, limit int, project Projection) (Batch, error)
	Pending(ctx context.Context) (int64, error)
}

type Metrics interface {
	OrderPlaced(ctx context.Context, cents int64)
	EventProjected(ctx context.Context, result string, count int64)
	InboxPending(ctx context.Context, count int64)
}

type Tracer interface {
	Span(ctx context.Context, name string) (context.Context, func(error))
}

type Handler[Q, R any] func(ctx context.Context, query Q) (R, error)
