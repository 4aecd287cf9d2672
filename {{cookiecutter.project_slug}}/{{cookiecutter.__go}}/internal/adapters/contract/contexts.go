package contract

import (
	"context"
	"errors"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

func heedsACancelledContext(t *testing.T, store Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	checkCalls(ctx, t, store, placement(t, epoch()), context.Canceled)

	checkUntouched(t, store)
}

func reportsADeadline(t *testing.T, store Store) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()

	checkCalls(ctx, t, store, placement(t, epoch()), context.DeadlineExceeded)

	checkUntouched(t, store)
}

func checkUntouched(t *testing.T, store Store) {
	t.Helper()
	if ids := list(t, store, order.Page{Limit: 1}); len(ids) != 0 {
		t.Errorf("a call that was given up left %v", ids)
	}
	checkPending(t, store, 0)
	checkDay(t, store, 0, 0)
}

func leavesNothingWhenCancelled(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 2)
	ctx, cancel := context.WithCancel(t.Context())

	_, err := store.Take(ctx, 10, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		first := apply(ctx, event, summaries)
		cancel()
		return errors.Join(first, apply(ctx, event, summaries))
	})

	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
	checkDay(t, store, 0, 0)
	checkPending(t, store, 2)
	project(t, store)
	checkDay(t, store, 2, 2*orderCents)
}
