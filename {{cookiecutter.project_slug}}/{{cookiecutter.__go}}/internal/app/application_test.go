package app_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type metrics struct {
	placed, cents, applied, failed, pending atomic.Int64
}

func (m *metrics) OrderPlaced(_ context.Context, cents int64) {
	m.placed.Add(1)
	m.cents.Add(cents)
}

func (m *metrics) EventProjected(_ context.Context, result string, count int64) {
	switch result {
	case "applied":
		m.applied.Add(count)
	case "failed":
		m.failed.Add(count)
	}
}

func (m *metrics) InboxPending(_ context.Context, count int64) {
	m.pending.Store(count)
}

type tracer struct {
	errs atomic.Int64
}

func (t *tracer) Span(ctx context.Context, _ string) (context.Context, func(error)) {
	return ctx, func(err error) {
		if err != nil {
			t.errs.Add(1)
		}
	}
}

type fixture struct {
	app       app.Application
	projector *app.Projector
	store     *memory.Store
	metrics   *metrics
	tracer    *tracer
}

func now() time.Time {
	return time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
}

func newFixture() fixture {
	store, counted, traced := memory.New(), &metrics{}, &tracer{}
	logger := slog.New(slog.DiscardHandler)
	return fixture{
		app: app.New(app.Dependencies{
			Orders: store, Summaries: store, Metrics: counted, Tracer: traced, Logger: logger,
			Clock: now, IdempotencyTTL: time.Hour, Timeout: time.Second,
		}),
		projector: &app.Projector{
			Inbox: store, Metrics: counted, Tracer: traced, Logger: logger, Every: time.Hour, Wake: store.Wake(),
		},
		store: store, metrics: counted, tracer: traced,
	}
}

func command(key string, quantity int64) app.PlaceOrder {
	item := order.Item{SKU: "KEEL-1", Quantity: quantity, UnitPriceCents: 100}
	return app.PlaceOrder{IdempotencyKey: key, Draft: order.Draft{CustomerID: "c-1", Items: []order.Item{item}}}
}

func place(t *testing.T, f fixture, sent app.PlaceOrder) app.PlaceOrderResult {
	t.Helper()
	result, err := f.app.PlaceOrder(t.Context(), sent)
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	return result
}

func TestPlaceOrderCountsARepeatOnce(t *testing.T) {
	t.Parallel()
	f := newFixture()

	first := place(t, f, command("k", 2))
	second := place(t, f, command("k", 2))

	if first.Replayed || !second.Replayed || first.Order.ID() != second.Order.ID() {
		t.Errorf("got %+v, then %+v", first, second)
	}
	if f.metrics.placed.Load() != 1 || f.metrics.cents.Load() != 200 {
		t.Errorf("counted %d orders, %d cents", f.metrics.placed.Load(), f.metrics.cents.Load())
	}
}

func TestPlaceOrderRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture()
	place(t, f, command("k", 2))

	_, errConflict := f.app.PlaceOrder(t.Context(), command("k", 3))
	_, errInvalid := f.app.PlaceOrder(t.Context(), command("", 0))

	if !errors.Is(errConflict, order.ErrIdempotencyConflict) {
		t.Errorf("got %v, want a conflict", errConflict)
	}
	if _, ok := errors.AsType[*order.ValidationError](errInvalid); !ok {
		t.Errorf("got %v, want a validation error", errInvalid)
	}
	if f.tracer.errs.Load() != 2 || f.metrics.placed.Load() != 1 {
		t.Errorf("%d failed spans, %d placed", f.tracer.errs.Load(), f.metrics.placed.Load())
	}
}

func TestGetOrder(t *testing.T) {
	t.Parallel()
	f := newFixture()
	placed := place(t, f, command("", 1)).Order

	found, err := f.app.GetOrder(t.Context(), placed.ID())
	_, errUnknown := f.app.GetOrder(t.Context(), order.NewID(now()))

	if err != nil || found.ID() != placed.ID() || !errors.Is(errUnknown, order.ErrNotFound) {
		t.Errorf("got %v, %v, %v", found, err, errUnknown)
	}
}

func TestListOrdersHasACursorUnlessItIsTheLastPage(t *testing.T) {
	t.Parallel()
	f := newFixture()
	for range 3 {
		place(t, f, command("", 1))
	}

	first, errFirst := f.app.ListOrders(t.Context(), order.Page{Limit: 2})
	next, errNext := order.ParsePage("2", first.NextCursor)
	second, errSecond := f.app.ListOrders(t.Context(), next)

	if err := errors.Join(errFirst, errNext, errSecond); err != nil {
		t.Fatal(err)
	}
	if len(first.Orders) != 2 || first.NextCursor == "" || len(second.Orders) != 1 || second.NextCursor != "" {
		t.Errorf("got %d and %q, then %d and %q", len(first.Orders), first.NextCursor, len(second.Orders), second.NextCursor)
	}
}

func TestQueriesEndWithTheirTimeout(t *testing.T) {
	t.Parallel()
	f := newFixture()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, errList := f.app.ListOrders(ctx, order.Page{Limit: 1})
	_, errDay := f.app.DailySummary(ctx, "2026-11-20")

	if !errors.Is(errList, context.Canceled) || !errors.Is(errDay, context.Canceled) {
		t.Errorf("got %v, %v", errList, errDay)
	}
}

func TestProjectorRunsUntilItsContextEndsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	for range 250 {
		place(t, f, command("", 1))
	}

	go func() { done <- f.projector.Run(ctx) }()
	deadline := time.Now().Add(10 * time.Second)
	for f.metrics.applied.Load() < 250 && time.Now().Before(deadline) {
		<-time.After(time.Millisecond)
	}
	cancel()

	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	summary, err := f.app.DailySummary(t.Context(), "2026-11-20")
	if err != nil || summary.Orders != 250 || summary.RevenueCents != 25000 || f.metrics.pending.Load() != 0 {
		t.Errorf("got %+v, %v, %d pending", summary, err, f.metrics.pending.Load())
	}
}

func TestProjectorFinishesTheLastBatchAfterItWasTold(t *testing.T) {
	t.Parallel()
	f := newFixture()
	place(t, f, command("", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	err := f.projector.Run(ctx)

	if err != nil || f.metrics.applied.Load() != 1 {
		t.Errorf("got %v, %d applied", err, f.metrics.applied.Load())
	}
}

type brokenInbox struct{}

var errBroken = errors.New("broken")

func (brokenInbox) Take(context.Context, int, app.Projection) (app.Batch, error) {
	return app.Batch{}, errBroken
}

func (brokenInbox) Pending(context.Context) (int64, error) {
	return 0, errBroken
}

func TestProjectorSurvivesAStoreThatFails(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.projector.Inbox, f.projector.Every = brokenInbox{}, time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)

	go func() { done <- f.projector.Run(ctx) }()
	deadline := time.Now().Add(10 * time.Second)
	for f.metrics.failed.Load() < 2 && time.Now().Before(deadline) {
		<-time.After(time.Millisecond)
	}
	cancel()

	if err := <-done; err != nil || f.metrics.failed.Load() < 2 {
		t.Errorf("got %v after %d failures", err, f.metrics.failed.Load())
	}
	if err := f.projector.Drain(t.Context(), nil); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want the failure of the inbox", err)
	}
}
