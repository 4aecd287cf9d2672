package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

var errAway = errors.New("the broker is away")

type broker struct {
	mutex   sync.Mutex
	sent    []string
	calls   int
	answers func(call int, id string) error
}

func (b *broker) Publish(_ context.Context, messages []outbox.Message) []error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.calls++
	outcome := make([]error, len(messages))
	for i, message := range messages {
		if outcome[i] = b.answers(b.calls, message.ID); outcome[i] == nil {
			b.sent = append(b.sent, message.ID)
		}
	}
	return outcome
}

type counts struct {
	mutex   sync.Mutex
	results map[string]int64
	pending int64
	oldest  time.Duration
	held    bool
}

func (c *counts) Published(_ context.Context, result string, count int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.results[result] += count
}

func (c *counts) Backlog(_ context.Context, pending int64, oldest time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.pending, c.oldest = pending, oldest
}

func (c *counts) LeaseHeld(_ context.Context, held bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.held = held
}

func always(err error) func(int, string) error {
	return func(int, string) error { return err }
}

func relay(store outbox.Source, answers func(int, string) error) (*outbox.Relay, *broker, *counts) {
	to, measured := &broker{answers: answers}, &counts{results: map[string]int64{}}
	return &outbox.Relay{
		Source: store, Publisher: to, Metrics: measured, Logger: slog.New(slog.DiscardHandler),
		Owner: "a", Batch: 4, LeaseTTL: time.Minute, Every: time.Second,
	}, to, measured
}

func place(t *testing.T, store order.Repository, count int) []string {
	t.Helper()
	ids := make([]string, 0, count)
	for range count {
		now := time.Now()
		item := order.Item{SKU: "KEEL-1", Quantity: 1, UnitPriceCents: 100}
		placed, event, err := order.Place(order.NewID(now), order.Draft{CustomerID: "c-1", Items: []order.Item{item}}, now)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.Add(t.Context(), order.Placement{Order: placed, Event: event}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(event.EventID))
	}
	return ids
}

func TestARelayEmptiesTheOutboxInBatches(t *testing.T) {
	t.Parallel()
	store := memory.New()
	place(t, store, 10)
	sender, to, measured := relay(store, always(nil))

	err := sender.Drain(t.Context(), nil)

	backlog, errBacklog := store.Backlog(t.Context())
	if err := errors.Join(err, errBacklog); err != nil || len(to.sent) != 10 || to.calls != 3 || backlog.Pending != 0 {
		t.Errorf("%d sent in %d calls, %d wait, %v", len(to.sent), to.calls, backlog.Pending, err)
	}
	if measured.results["acknowledged"] != 10 || !measured.held {
		t.Errorf("got %+v", measured)
	}
}

func TestOnlyWhatIsAcknowledgedIsMarked(t *testing.T) {
	t.Parallel()
	store := memory.New()
	ids := place(t, store, 4)
	sender, _, measured := relay(store, func(_ int, id string) error {
		switch id {
		case ids[1]:
			return errAway
		case ids[2]:
			return outbox.ErrUnpublishable
		default:
			return nil
		}
	})

	err := sender.Drain(t.Context(), nil)

	left, errLeft := store.NextMessages(t.Context(), 10)
	if !errors.Is(err, errAway) || errLeft != nil || len(left) != 1 || left[0].ID != ids[1] {
		t.Errorf("got %v, %+v left, %v", err, left, errLeft)
	}
	if got := measured.results; got["acknowledged"] != 2 || got["failed"] != 1 || got["parked"] != 1 || measured.pending != 4 {
		t.Errorf("got %+v", measured)
	}
}

func TestARelayWithoutTheLeaseSendsNothing(t *testing.T) {
	t.Parallel()
	store := memory.New()
	place(t, store, 2)
	if _, _, err := store.AcquireLease(t.Context(), "another", time.Hour); err != nil {
		t.Fatal(err)
	}
	sender, to, measured := relay(store, always(nil))
	measured.pending = 7

	err := sender.Drain(t.Context(), nil)

	if err != nil || to.calls != 0 || measured.held || measured.pending != 0 {
		t.Errorf("got %v, %d calls, %+v", err, to.calls, measured)
	}
}

func TestARelayThatLosesItsLeaseMarksNothing(t *testing.T) {
	t.Parallel()
	store := memory.New()
	place(t, store, 2)
	sender, to, _ := relay(store, nil)
	to.answers = func(int, string) error {
		_ = store.ReleaseLease(t.Context(), outbox.Lease{Owner: "a", Fence: 1})
		_, _, err := store.AcquireLease(t.Context(), "b", time.Hour)
		return err
	}

	err := sender.Drain(t.Context(), nil)

	backlog, _ := store.Backlog(t.Context())
	if !errors.Is(err, outbox.ErrLeaseLost) || backlog.Pending != 2 {
		t.Errorf("got %v, %d wait", err, backlog.Pending)
	}
}

func TestARelayWaitsLongerWhileTheBrokerIsAwayAndRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		place(t, store, 3)
		const away = 30
		sender, to, _ := relay(store, func(call int, _ string) error {
			if call <= away {
				return errAway
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		started := time.Now()
		go func() { done <- sender.Run(ctx) }()

		for len(sentBy(to)) < 3 {
			time.Sleep(time.Second)
		}
		took := time.Since(started)
		cancel()

		if err := <-done; err != nil || took < 10*time.Second || took > 6*time.Minute {
			t.Errorf("got %v after %s", err, took)
		}
		if _, held, err := store.AcquireLease(t.Context(), "b", time.Minute); err != nil || !held {
			t.Errorf("the lease is not free: %v", err)
		}
	})
}

func sentBy(to *broker) []string {
	to.mutex.Lock()
	defer to.mutex.Unlock()
	return to.sent
}

func TestAnOrderWakesTheRelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		sender, to, _ := relay(store, always(nil))
		sender.Every, sender.Wake = time.Hour, store.Wake()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- sender.Run(ctx) }()
		synctest.Wait()

		place(t, store, 1)
		synctest.Wait()

		if got := len(sentBy(to)); got != 1 {
			t.Errorf("%d sent, want 1", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
