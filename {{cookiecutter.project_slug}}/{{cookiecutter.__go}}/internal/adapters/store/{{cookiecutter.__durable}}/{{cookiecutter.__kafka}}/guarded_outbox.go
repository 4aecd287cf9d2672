package store

import (
	"context"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/platform/resilience"
)

type acquisition struct {
	lease outbox.Lease
	held  bool
}

func (g guardedInbox) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	got, err := resilience.Repeat(ctx, g.guard, func(ctx context.Context) (acquisition, error) {
		lease, held, err := g.next.AcquireLease(ctx, owner, ttl)
		return acquisition{lease, held}, err
	})
	return got.lease, got.held, err
}

func (g guardedInbox) ReleaseLease(ctx context.Context, lease outbox.Lease) error {
	return g.repeat(ctx, func(ctx context.Context) error { return g.next.ReleaseLease(ctx, lease) })
}

func (g guardedInbox) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	return resilience.Repeat(ctx, g.guard, func(ctx context.Context) ([]outbox.Message, error) { return g.next.NextMessages(ctx, limit) })
}

func (g guardedInbox) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	return g.repeat(ctx, func(ctx context.Context) error { return g.next.MarkPublished(ctx, lease, ids) })
}

func (g guardedInbox) ParkMessage(ctx context.Context, lease outbox.Lease, id, reason string) error {
	return g.repeat(ctx, func(ctx context.Context) error { return g.next.ParkMessage(ctx, lease, id, reason) })
}

func (g guardedInbox) Backlog(ctx context.Context) (outbox.Backlog, error) {
	return resilience.Repeat(ctx, g.guard, g.next.Backlog)
}

func (g guardedInbox) repeat(ctx context.Context, call func(ctx context.Context) error) error {
	_, err := resilience.Repeat(ctx, g.guard, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}
