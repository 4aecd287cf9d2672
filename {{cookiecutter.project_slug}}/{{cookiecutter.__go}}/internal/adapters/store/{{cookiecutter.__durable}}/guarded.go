package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/resilience"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const (
	dependency = "store"
	percent    = 100
)

func newGuard(
	ctx context.Context, tuned config.Resilience, transient func(error) bool, logger *slog.Logger, measured *telemetry.Telemetry,
) (*resilience.Guard, error) {
	observer, err := measured.Dependency(ctx, dependency)
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", dependency, err)
	}
	settings := resilienceSettings(tuned)
	if settings.Faults.Any() {
		logger.WarnContext(ctx, "Fault injection enabled", "dependency", dependency,
			"failures_percent", tuned.FaultFailures, "slow_percent", tuned.FaultSlow, "delay", tuned.FaultDelay.String())
	}
	return resilience.New(dependency, settings, transient, observer, logger), nil
}

func resilienceSettings(tuned config.Resilience) resilience.Settings {
	return resilience.Settings{
		Timeout:       tuned.Timeout,
		Attempts:      int(tuned.Attempts),
		BackoffMin:    tuned.BackoffMin,
		BackoffMax:    tuned.BackoffMax,
		RetryBudget:   share(tuned.RetryBudget),
		MaxConcurrent: uint(tuned.MaxConcurrent), //nolint:gosec // at least 1 by the configuration
		MaxWait:       tuned.MaxWait,
		BreakerRate:   share(tuned.BreakerFailures),
		BreakerCalls:  uint(tuned.BreakerCalls), //nolint:gosec // at least 1 by the configuration
		BreakerWindow: tuned.BreakerWindow,
		BreakerDelay:  tuned.BreakerDelay,
		Faults: resilience.Faults{
			Failures: share(tuned.FaultFailures), Slow: share(tuned.FaultSlow), Delay: tuned.FaultDelay,
		},
	}
}

func share(percentage int64) float64 {
	return float64(percentage) / percent
}

// Guarded puts a guard before every call to a store. Reads are repeated, and so is an order that carries an idempotency
// key. An order without one, an event and a batch are tried once: repeated, they could happen twice or be counted wrongly.
func Guarded(guard *resilience.Guard, opened Store) Store {
	ping := opened.Ping
	opened.Orders = guardedOrders{guard, opened.Orders}
	opened.Summaries = guardedSummaries{guard, opened.Summaries}
	opened.Inbox = guardedInbox{guard, opened.Inbox}
	opened.Retention = guardedRetention{guard, opened.Retention}
	opened.Ping = func(ctx context.Context) error { return guard.Probe(ctx, ping) }
	return opened
}

type guardedOrders struct {
	guard *resilience.Guard
	next  order.Repository
}

type addition struct {
	stored   order.Order
	replayed bool
}

func (g guardedOrders) Add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	call := func(ctx context.Context) (addition, error) {
		stored, replayed, err := g.next.Add(ctx, placement)
		return addition{stored, replayed && stored.ID() != placement.Order.ID()}, err
	}
	if placement.Key == nil {
		added, err := resilience.Once(ctx, g.guard, call)
		return added.stored, added.replayed, err
	}
	added, err := resilience.Repeat(ctx, g.guard, call)
	return added.stored, added.replayed, err
}

func (g guardedOrders) Find(ctx context.Context, id order.ID) (order.Order, error) {
	return resilience.Repeat(ctx, g.guard, func(ctx context.Context) (order.Order, error) { return g.next.Find(ctx, id) })
}

func (g guardedOrders) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	return resilience.Repeat(ctx, g.guard, func(ctx context.Context) ([]order.Order, error) { return g.next.List(ctx, page) })
}

type guardedSummaries struct {
	guard *resilience.Guard
	next  app.Summaries
}

func (g guardedSummaries) Apply(ctx context.Context, event order.Placed) (bool, error) {
	return resilience.Once(ctx, g.guard, func(ctx context.Context) (bool, error) { return g.next.Apply(ctx, event) })
}

func (g guardedSummaries) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	return resilience.Repeat(ctx, g.guard, func(ctx context.Context) (order.DailySummary, error) { return g.next.Daily(ctx, day) })
}

type guardedInbox struct {
	guard *resilience.Guard
	next  Inbox
}

func (g guardedInbox) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	return resilience.Once(ctx, g.guard, func(ctx context.Context) (app.Batch, error) { return g.next.Take(ctx, limit, project) })
}

func (g guardedInbox) Pending(ctx context.Context) (int64, error) {
	return resilience.Repeat(ctx, g.guard, g.next.Pending)
}

type guardedRetention struct {
	guard *resilience.Guard
	next  retention.Records
}

func (g guardedRetention) Purge(ctx context.Context, now, horizon time.Time, limit int) (retention.Purged, error) {
	return resilience.Once(ctx, g.guard, func(ctx context.Context) (retention.Purged, error) { return g.next.Purge(ctx, now, horizon, limit) })
}
