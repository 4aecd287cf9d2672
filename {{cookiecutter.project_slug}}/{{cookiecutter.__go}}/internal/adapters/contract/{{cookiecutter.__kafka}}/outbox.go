package contract

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const longLease = time.Hour

type OutboxStore interface {
	Store
	outbox.Source
}

// OutboxSubject is a store under test. Faults may be nil, with the reason beside it.
type OutboxSubject struct {
	Store  OutboxStore
	Faults Faults
	Reason string
}

// RunOutbox holds an adapter to what the relay expects of every store. open gives each test an empty store of its own.
func RunOutbox(t *testing.T, open func(t *testing.T) OutboxSubject) {
	t.Helper()
	for name, test := range outboxBehaviours() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t).Store)
		})
	}
	t.Run("a broken connection is told as unavailable", func(t *testing.T) {
		t.Parallel()
		subject := open(t)
		if subject.Faults == nil {
			t.Skip(subject.Reason)
		}
		t.Cleanup(subject.Faults.Heal)
		relayTellsUnavailable(t, subject)
	})
}

func outboxBehaviours() map[string]func(t *testing.T, store OutboxStore) {
	return map[string]func(t *testing.T, store OutboxStore){
		"hands over the oldest messages first":       handsOverOldestFirst,
		"keeps the trace context of an order":        keepsTheTraceContext,
		"removes what was published and no more":     removesWhatWasPublished,
		"a mark may be repeated":                     marksAgain,
		"one owner holds the lease":                  leasesToOne,
		"one of many racing owners gets the lease":   leasesToOneOfMany,
		"an owner extends its lease":                 extendsALease,
		"a lease that has ended goes to the next":    passesALeaseOn,
		"a late owner changes nothing":               refusesALateOwner,
		"a released lease is free and worth no more": releasesALease,
		"a late owner releases nothing":              keepsALeaseFromALateRelease,
		"a parked message steps aside":               parksAMessage,
		"tells what waits and for how long":          tellsItsBacklog,
		"a projector beside a relay loses nothing":   sharesWithAProjector,
		"a relay's calls heed their context":         relayHeedsItsContext,
	}
}

func placeMany(t *testing.T, store OutboxStore, count int) []string {
	t.Helper()
	ids := make([]string, 0, count)
	for step := range count {
		made := placement(t, epoch().Add(time.Duration(step)*time.Second))
		add(t, store, made)
		ids = append(ids, string(made.Event.EventID))
	}
	return ids
}

func acquire(t *testing.T, store OutboxStore, owner string, ttl time.Duration) outbox.Lease {
	t.Helper()
	lease, held, err := store.AcquireLease(t.Context(), owner, ttl)
	if err != nil || !held || lease.Owner != owner {
		t.Fatalf("%s gets %+v, held %t, %v; want the lease", owner, lease, held, err)
	}
	return lease
}

func waitFor(t *testing.T, store OutboxStore, owner string) outbox.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience/6)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		lease, held, err := store.AcquireLease(ctx, owner, longLease)
		if err != nil {
			t.Fatalf("acquire: %v", err)
		}
		if held {
			return lease
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never gets the lease", owner)
		case <-ticker.C:
		}
	}
}

func waiting(t *testing.T, store OutboxStore, limit int) []string {
	t.Helper()
	messages, err := store.NextMessages(t.Context(), limit)
	if err != nil {
		t.Fatalf("next messages: %v", err)
	}
	ids := make([]string, 0, len(messages))
	for _, message := range messages {
		ids = append(ids, message.ID)
	}
	return ids
}

func checkWaiting(t *testing.T, store OutboxStore, want ...string) {
	t.Helper()
	if got := waiting(t, store, 100); !slices.Equal(got, want) {
		t.Errorf("%v wait, want %v", got, want)
	}
	checkPending(t, store, int64(len(want)))
}

func handsOverOldestFirst(t *testing.T, store OutboxStore) {
	t.Helper()
	first := placement(t, epoch())
	add(t, store, first)
	ids := append([]string{string(first.Event.EventID)}, placeMany(t, store, 4)...)

	messages, err := store.NextMessages(t.Context(), 3)
	again := waiting(t, store, 100)

	if err != nil || len(messages) != 3 || !slices.Equal(again, ids) {
		t.Fatalf("got %d messages, then %v, %v; want 3 of %v", len(messages), again, err, ids)
	}
	if event, err := events.DecodePlaced(messages[0].Payload); err != nil || event != first.Event {
		t.Errorf("got %+v, %v; want %+v", event, err, first.Event)
	}
	if messages[0].ID != ids[0] || messages[2].ID != ids[2] || messages[0].TraceParent != "" {
		t.Errorf("got %+v", messages)
	}
}

func keepsTheTraceContext(t *testing.T, store OutboxStore) {
	t.Helper()
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	plain := placement(t, epoch())
	_, _, errPlain := store.Add(ctx, plain)
	_, _, errKeyed := store.Add(ctx, keyed(t, 1, epoch()))
	if err := errors.Join(errPlain, errKeyed); err != nil {
		t.Fatal(err)
	}

	messages, err := store.NextMessages(t.Context(), 10)

	if err != nil || len(messages) != 2 {
		t.Fatalf("got %+v, %v; want two", messages, err)
	}
	for _, message := range messages {
		if want := outbox.TraceParent(ctx); message.TraceParent != want || want == "" {
			t.Errorf("got %q, want %q", message.TraceParent, want)
		}
	}
}

func removesWhatWasPublished(t *testing.T, store OutboxStore) {
	t.Helper()
	ids := placeMany(t, store, 4)
	lease := acquire(t, store, "a", longLease)

	err := store.MarkPublished(t.Context(), lease, []string{ids[0], ids[2]})

	if err != nil {
		t.Errorf("mark: %v", err)
	}
	checkWaiting(t, store, ids[1], ids[3])
}

func marksAgain(t *testing.T, store OutboxStore) {
	t.Helper()
	ids := placeMany(t, store, 2)
	lease := acquire(t, store, "a", longLease)

	first := store.MarkPublished(t.Context(), lease, ids[:1])
	second := store.MarkPublished(t.Context(), lease, ids[:1])
	none := store.MarkPublished(t.Context(), lease, nil)

	if err := errors.Join(first, second, none); err != nil {
		t.Errorf("mark: %v", err)
	}
	checkWaiting(t, store, ids[1])
}

func leasesToOne(t *testing.T, store OutboxStore) {
	t.Helper()
	acquire(t, store, "a", longLease)

	lease, held, err := store.AcquireLease(t.Context(), "b", longLease)

	if err != nil || held {
		t.Errorf("got %+v, held %t, %v; want the lease to stay", lease, held, err)
	}
}

func leasesToOneOfMany(t *testing.T, store OutboxStore) {
	t.Helper()
	var group sync.WaitGroup
	var winners atomic.Int64
	for _, owner := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		group.Go(func() {
			_, held, err := store.AcquireLease(t.Context(), owner, longLease)
			if err != nil {
				t.Errorf("acquire: %v", err)
			}
			if held {
				winners.Add(1)
			}
		})
	}

	group.Wait()

	if winners.Load() != 1 {
		t.Errorf("%d owners hold the lease, want one", winners.Load())
	}
}

func extendsALease(t *testing.T, store OutboxStore) {
	t.Helper()
	ids := placeMany(t, store, 1)
	first := acquire(t, store, "a", longLease)

	second := acquire(t, store, "a", 2*longLease)

	if first != second {
		t.Errorf("got %+v, then %+v; want the same fence", first, second)
	}
	if err := store.MarkPublished(t.Context(), second, ids); err != nil {
		t.Errorf("mark: %v", err)
	}
}

func passesALeaseOn(t *testing.T, store OutboxStore) {
	t.Helper()
	first := acquire(t, store, "a", time.Millisecond)

	second := waitFor(t, store, "b")

	if second.Fence <= first.Fence {
		t.Errorf("fence %d after %d, want it to grow", second.Fence, first.Fence)
	}
}

func refusesALateOwner(t *testing.T, store OutboxStore) {
	t.Helper()
	ids := placeMany(t, store, 2)
	late := acquire(t, store, "a", time.Millisecond)
	held := waitFor(t, store, "b")
	imposter := outbox.Lease{Owner: "a", Fence: held.Fence}

	errMark := store.MarkPublished(t.Context(), late, ids)
	errPark := store.ParkMessage(t.Context(), late, ids[0], "late")
	errImposter := store.MarkPublished(t.Context(), imposter, ids)

	for _, err := range []error{errMark, errPark, errImposter} {
		if !errors.Is(err, outbox.ErrLeaseLost) {
			t.Errorf("got %v, want a lost lease", err)
		}
	}
	checkWaiting(t, store, ids...)
	if err := store.MarkPublished(t.Context(), held, ids); err != nil {
		t.Errorf("the owner cannot mark: %v", err)
	}
}

func releasesALease(t *testing.T, store OutboxStore) {
	t.Helper()
	ids := placeMany(t, store, 1)
	first := acquire(t, store, "a", longLease)
	if err := store.ReleaseLease(t.Context(), first); err != nil {
		t.Fatalf("release: %v", err)
	}

	errMark := store.MarkPublished(t.Context(), first, ids)
	second := acquire(t, store, "b", longLease)

	if !errors.Is(errMark, outbox.ErrLeaseLost) || second.Fence <= first.Fence {
		t.Errorf("got %v, fence %d after %d", errMark, second.Fence, first.Fence)
	}
	checkWaiting(t, store, ids...)
}

func keepsALeaseFromALateRelease(t *testing.T, store OutboxStore) {
	t.Helper()
	late := acquire(t, store, "a", time.Millisecond)
	waitFor(t, store, "b")

	err := store.ReleaseLease(t.Context(), late)

	_, held, errAcquire := store.AcquireLease(t.Context(), "c", longLease)
	if err := errors.Join(err, errAcquire); err != nil || held {
		t.Errorf("held %t, %v; want the lease to stay with b", held, err)
	}
}

func parksAMessage(t *testing.T, store OutboxStore) {
	t.Helper()
	ids := placeMany(t, store, 2)
	lease := acquire(t, store, "a", longLease)

	err := store.ParkMessage(t.Context(), lease, ids[0], "cannot be read")
	errAgain := store.ParkMessage(t.Context(), lease, ids[0], "cannot be read")

	if err := errors.Join(err, errAgain); err != nil {
		t.Errorf("park: %v", err)
	}
	checkWaiting(t, store, ids[1])
	project(t, store)
	checkDay(t, store, 1, orderCents)
}

func tellsItsBacklog(t *testing.T, store OutboxStore) {
	t.Helper()
	empty, errEmpty := store.Backlog(t.Context())
	ids := placeMany(t, store, 3)
	full, errFull := store.Backlog(t.Context())
	lease := acquire(t, store, "a", longLease)
	errMark := store.MarkPublished(t.Context(), lease, ids[:1])
	errPark := store.ParkMessage(t.Context(), lease, ids[1], "cannot be read")

	rest, errRest := store.Backlog(t.Context())

	if err := errors.Join(errEmpty, errFull, errMark, errPark, errRest); err != nil {
		t.Fatal(err)
	}
	if empty != (outbox.Backlog{}) || full.Pending != 3 || full.Oldest < 0 || full.Oldest > patience || rest.Pending != 1 {
		t.Errorf("got %+v, %+v, then %+v", empty, full, rest)
	}
}

func sharesWithAProjector(t *testing.T, store OutboxStore) {
	t.Helper()
	ids := placeMany(t, store, 5)
	lease := acquire(t, store, "a", longLease)
	if got := waiting(t, store, 5); !slices.Equal(got, ids) {
		t.Fatalf("%v wait, want %v", got, ids)
	}
	if _, err := store.Take(t.Context(), 3, apply); err != nil {
		t.Fatalf("take: %v", err)
	}

	err := store.MarkPublished(t.Context(), lease, ids[1:4])

	if err != nil {
		t.Errorf("mark: %v", err)
	}
	checkWaiting(t, store, ids[4])
	project(t, store)
	checkDay(t, store, 4, 4*orderCents)
}

func relayCalls(store OutboxStore) map[string]func(ctx context.Context) error {
	lease := outbox.Lease{Owner: "a", Fence: 1}
	return map[string]func(ctx context.Context) error{
		"acquire": func(ctx context.Context) error { _, _, err := store.AcquireLease(ctx, "a", longLease); return err },
		"release": func(ctx context.Context) error { return store.ReleaseLease(ctx, lease) },
		"next":    func(ctx context.Context) error { _, err := store.NextMessages(ctx, 1); return err },
		"mark": func(ctx context.Context) error {
			return store.MarkPublished(ctx, lease, []string{string(order.NewID(epoch()))})
		},
		"park": func(ctx context.Context) error {
			return store.ParkMessage(ctx, lease, string(order.NewID(epoch())), "x")
		},
		"backlog": func(ctx context.Context) error { _, err := store.Backlog(ctx); return err },
	}
}

func relayHeedsItsContext(t *testing.T, store OutboxStore) {
	t.Helper()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelLate()

	for name, call := range relayCalls(store) {
		if err := call(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want cancelled", name, err)
		}
		if err := call(late); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want a deadline", name, err)
		}
	}

	acquire(t, store, "b", longLease)
}

func relayTellsUnavailable(t *testing.T, subject OutboxSubject) {
	t.Helper()
	ids := placeMany(t, subject.Store, 1)
	acquire(t, subject.Store, "a", longLease)
	subject.Faults.Cut(0)

	for name, call := range relayCalls(subject.Store) {
		if err := call(t.Context()); !errors.Is(err, failure.ErrUnavailable) {
			t.Errorf("%s: got %v, want unavailable", name, err)
		}
	}

	subject.Faults.Heal()
	checkWaiting(t, subject.Store, ids...)
}
