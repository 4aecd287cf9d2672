package store_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
	"{{ cookiecutter.__go_module }}/internal/platform/resilience"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

var errLost = errors.New("answer was lost")

type flaky struct {
	store.Inbox

	kept  *memory.Store
	fails int
	calls int
}

func (f *flaky) lose() error {
	f.calls++
	if f.calls <= f.fails {
		return errLost
	}
	return nil
}

func (f *flaky) Add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	stored, replayed, err := f.kept.Add(ctx, placement)
	return stored, replayed, errors.Join(f.lose(), err)
}

func (f *flaky) Find(ctx context.Context, id order.ID) (order.Order, error) {
	found, err := f.kept.Find(ctx, id)
	return found, errors.Join(f.lose(), err)
}

func (f *flaky) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	found, err := f.kept.List(ctx, page)
	return found, errors.Join(f.lose(), err)
}

func (f *flaky) Apply(ctx context.Context, event order.Placed) (bool, error) {
	counted, err := f.kept.Apply(ctx, event)
	return counted, errors.Join(f.lose(), err)
}

func (f *flaky) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	summary, err := f.kept.Daily(ctx, day)
	return summary, errors.Join(f.lose(), err)
}

func (f *flaky) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	batch, err := f.kept.Take(ctx, limit, project)
	return batch, errors.Join(f.lose(), err)
}

func (f *flaky) Pending(ctx context.Context) (int64, error) {
	count, err := f.kept.Pending(ctx)
	return count, errors.Join(f.lose(), err)
}

func (f *flaky) Ping(context.Context) error {
	return f.lose()
}

func newStore(t *testing.T, fails int) (store.Store, *flaky) {
	t.Helper()
	measured, err := telemetry.New(t.Context(), telemetry.Settings{Service: telemetry.Service{Name: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	observer, err := measured.Dependency(t.Context(), "store")
	if err != nil {
		t.Fatal(err)
	}
	settings := resilience.Settings{
		Timeout: time.Second, Attempts: 3, BackoffMin: time.Microsecond, BackoffMax: time.Microsecond, RetryBudget: 1,
		MaxConcurrent: 4, BreakerRate: 1, BreakerCalls: 100, BreakerWindow: time.Minute, BreakerDelay: time.Minute,
	}
	transient := func(err error) bool { return errors.Is(err, errLost) }
	guard := resilience.New("store", settings, transient, observer, slog.New(slog.DiscardHandler))
	kept := memory.New()
	broken := &flaky{Inbox: kept, kept: kept, fails: fails}
	return store.Guarded(guard, store.Store{Orders: broken, Summaries: broken, Inbox: broken, Ping: broken.Ping}), broken
}

func placement(t *testing.T, key string) order.Placement {
	t.Helper()
	now := time.Now()
	item := order.Item{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250}
	placed, event, err := order.Place(order.NewID(now), order.Draft{CustomerID: "c-1", Items: []order.Item{item}}, now)
	if err != nil {
		t.Fatal(err)
	}
	made := order.Placement{Order: placed, Event: event}
	if key != "" {
		made.Key = &order.IdempotencyKey{Key: key, Now: now, ExpiresAt: now.Add(time.Hour)}
	}
	return made
}

func TestOnlyWhatIsSafeToRepeatIsRepeated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		attempts int
		call     func(ctx context.Context, opened store.Store) error
	}{
		"an order with a key": {3, func(ctx context.Context, opened store.Store) error {
			_, _, err := opened.Orders.Add(ctx, placement(t, "k-1"))
			return err
		}},
		"an order without a key": {1, func(ctx context.Context, opened store.Store) error {
			_, _, err := opened.Orders.Add(ctx, placement(t, ""))
			return err
		}},
		"list": {3, func(ctx context.Context, opened store.Store) error {
			_, err := opened.Orders.List(ctx, order.Page{Limit: 1})
			return err
		}},
		"daily": {3, func(ctx context.Context, opened store.Store) error {
			_, err := opened.Summaries.Daily(ctx, "2026-11-20")
			return err
		}},
		"apply": {1, func(ctx context.Context, opened store.Store) error {
			_, err := opened.Summaries.Apply(ctx, placement(t, "").Event)
			return err
		}},
		"take": {1, func(ctx context.Context, opened store.Store) error {
			_, err := opened.Inbox.Take(ctx, 1, nil)
			return err
		}},
		"pending": {3, func(ctx context.Context, opened store.Store) error {
			_, err := opened.Inbox.Pending(ctx)
			return err
		}},
		"ping": {1, func(ctx context.Context, opened store.Store) error { return opened.Ping(ctx) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, broken := newStore(t, 2)

			err := test.call(t.Context(), opened)

			if broken.calls != test.attempts || (err == nil) != (test.attempts == 3) {
				t.Errorf("got %v after %d attempts", err, broken.calls)
			}
			if err != nil && !errors.Is(err, failure.ErrUnavailable) {
				t.Errorf("got %v, want it to be unavailable", err)
			}
		})
	}
}

func TestAnOrderWhoseAnswerWasLostIsNoReplay(t *testing.T) {
	t.Parallel()
	opened, _ := newStore(t, 2)
	first := placement(t, "k-1")

	stored, replayed, err := opened.Orders.Add(t.Context(), first)
	again, replayedAgain, errAgain := opened.Orders.Add(t.Context(), placement(t, "k-1"))

	if err := errors.Join(err, errAgain); err != nil || replayed || !replayedAgain {
		t.Errorf("got %v, replayed %t, then %t", err, replayed, replayedAgain)
	}
	if stored.ID() != first.Order.ID() || again.ID() != stored.ID() {
		t.Errorf("got %s, then %s", stored.ID(), again.ID())
	}
}

func TestAnswersOfTheStorePassUnchanged(t *testing.T) {
	t.Parallel()
	opened, broken := newStore(t, 0)
	unknown := order.NewID(time.Now())

	_, err := opened.Orders.Find(t.Context(), unknown)

	if !errors.Is(err, order.ErrNotFound) || errors.Is(err, failure.ErrUnavailable) || broken.calls != 1 {
		t.Errorf("got %v after %d attempts", err, broken.calls)
	}
}
