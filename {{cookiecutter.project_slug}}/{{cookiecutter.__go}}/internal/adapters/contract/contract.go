package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type Store interface {
	order.Repository
	app.Summaries
	app.Inbox
}

// Run holds an adapter to what the application expects of every store. open gives each test an empty store of its own.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	tests := map[string]func(t *testing.T, store Store){
		"finds what was added":                  findsWhatWasAdded,
		"does not find what is not there":       doesNotFindTheUnknown,
		"lists newest first in bounded pages":   listsNewestFirst,
		"pages stay stable while orders arrive": pagesStayStable,
		"repeats the answer of a key":           repeatsTheAnswer,
		"refuses a key with another request":    refusesAnotherRequest,
		"forgets an expired key":                forgetsAnExpiredKey,
		"places once under concurrent repeats":  placesOnce,
		"projects every event once":             projectsOnce,
		"counts a duplicate event once":         countsADuplicateOnce,
		"keeps an event whose projection fails": keepsAFailedEvent,
		"shares events between workers":         sharesEvents,
		"a day without sales is zero":           aDayWithoutSales,
		"heeds a cancelled context":             heedsACancelledContext,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func epoch() time.Time {
	return time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
}

func placement(t *testing.T, at time.Time) order.Placement {
	t.Helper()
	draft := order.Draft{CustomerID: "c-1", Items: []order.Item{
		{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250},
		{SKU: "SAIL-3", Quantity: 1, UnitPriceCents: 100},
	}}
	placed, event, err := order.Place(order.NewID(at), draft, at)
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	return order.Placement{Order: placed, Event: event}
}

func keyed(t *testing.T, fingerprint byte, now time.Time) order.Placement {
	t.Helper()
	made := placement(t, now)
	made.Key = &order.IdempotencyKey{Key: "k", Fingerprint: [32]byte{fingerprint}, Now: now, ExpiresAt: now.Add(time.Hour)}
	return made
}

func add(t *testing.T, store Store, made order.Placement) order.Order {
	t.Helper()
	stored, replayed, err := store.Add(t.Context(), made)
	if err != nil || replayed {
		t.Fatalf("add: replayed %t, %v", replayed, err)
	}
	return stored
}

func same(a, b order.Order) bool {
	left, right := a.Snapshot(), b.Snapshot()
	return left.ID == right.ID && left.CustomerID == right.CustomerID && left.Status == right.Status &&
		left.TotalCents == right.TotalCents && left.CreatedAt.Equal(right.CreatedAt) && slices.Equal(left.Items, right.Items)
}

func findsWhatWasAdded(t *testing.T, store Store) {
	t.Helper()
	made := placement(t, epoch())
	add(t, store, made)

	found, err := store.Find(t.Context(), made.Order.ID())

	if err != nil || !same(found, made.Order) {
		t.Errorf("got %+v, %v; want %+v", found.Snapshot(), err, made.Order.Snapshot())
	}
}

func doesNotFindTheUnknown(t *testing.T, store Store) {
	t.Helper()

	_, err := store.Find(t.Context(), order.NewID(epoch()))

	if !errors.Is(err, order.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func fill(t *testing.T, store Store, count int) []order.ID {
	t.Helper()
	ids := make([]order.ID, 0, count)
	for step := range count {
		ids = append(ids, add(t, store, placement(t, epoch().Add(time.Duration(step)*time.Second))).ID())
	}
	slices.Reverse(ids)
	return ids
}

func list(t *testing.T, store Store, page order.Page) []order.ID {
	t.Helper()
	found, err := store.List(t.Context(), page)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	ids := make([]order.ID, 0, len(found))
	for _, one := range found {
		ids = append(ids, one.ID())
	}
	return ids
}

func listsNewestFirst(t *testing.T, store Store) {
	t.Helper()
	want := fill(t, store, 5)

	first := list(t, store, order.Page{Limit: 2})
	second := list(t, store, order.Page{Limit: 2, After: first[1]})
	third := list(t, store, order.Page{Limit: 2, After: second[1]})
	fourth := list(t, store, order.Page{Limit: 2, After: third[0]})

	if got := slices.Concat(first, second, third); !slices.Equal(got, want) || len(third) != 1 || len(fourth) != 0 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func pagesStayStable(t *testing.T, store Store) {
	t.Helper()
	want := fill(t, store, 4)
	first := list(t, store, order.Page{Limit: 2})
	add(t, store, placement(t, epoch().Add(time.Hour)))

	second := list(t, store, order.Page{Limit: 2, After: first[1]})

	if got := slices.Concat(first, second); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func repeatsTheAnswer(t *testing.T, store Store) {
	t.Helper()
	first := add(t, store, keyed(t, 1, epoch()))

	again, replayed, err := store.Add(t.Context(), keyed(t, 1, epoch().Add(time.Minute)))

	if err != nil || !replayed || !same(first, again) {
		t.Errorf("got %+v, %t, %v; want the first order again", again.Snapshot(), replayed, err)
	}
	if ids := list(t, store, order.Page{Limit: 10}); len(ids) != 1 {
		t.Errorf("%d orders, want 1", len(ids))
	}
}

func refusesAnotherRequest(t *testing.T, store Store) {
	t.Helper()
	add(t, store, keyed(t, 1, epoch()))

	_, _, err := store.Add(t.Context(), keyed(t, 2, epoch()))

	if !errors.Is(err, order.ErrIdempotencyConflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if pending, err := store.Pending(t.Context()); err != nil || pending != 1 {
		t.Errorf("%d events, %v; want 1", pending, err)
	}
}

func forgetsAnExpiredKey(t *testing.T, store Store) {
	t.Helper()
	first := add(t, store, keyed(t, 1, epoch()))

	second := add(t, store, keyed(t, 2, epoch().Add(2*time.Hour)))

	if first.ID() == second.ID() {
		t.Error("the expired key still answers")
	}
}

func placesOnce(t *testing.T, store Store) {
	t.Helper()
	const repeats = 8
	answers := make(chan order.ID, repeats)
	var group sync.WaitGroup
	for range repeats {
		made := keyed(t, 1, epoch())
		group.Go(func() {
			stored, _, err := store.Add(t.Context(), made)
			if err != nil {
				t.Errorf("add: %v", err)
			}
			answers <- stored.ID()
		})
	}
	group.Wait()
	close(answers)

	distinct := map[order.ID]bool{}
	for id := range answers {
		distinct[id] = true
	}

	if len(distinct) != 1 {
		t.Errorf("%d different answers, want 1", len(distinct))
	}
	if pending, err := store.Pending(t.Context()); err != nil || pending != 1 {
		t.Errorf("%d events, %v; want 1", pending, err)
	}
}

func apply(ctx context.Context, event order.Placed, summaries app.Summaries) error {
	if _, err := summaries.Apply(ctx, event); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return nil
}

func checkDay(t *testing.T, store Store, orders, cents int64) {
	t.Helper()
	summary, err := store.Daily(t.Context(), order.DayOf(epoch()))
	if err != nil || summary.Orders != orders || summary.RevenueCents != cents {
		t.Errorf("got %+v, %v; want %d orders, %d cents", summary, err, orders, cents)
	}
}

func projectsOnce(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 3)

	first, errFirst := store.Take(t.Context(), 2, apply)
	second, errSecond := store.Take(t.Context(), 2, apply)
	third, errThird := store.Take(t.Context(), 2, apply)

	if err := errors.Join(errFirst, errSecond, errThird); err != nil || first.Taken != 2 || second.Taken != 1 || third.Taken != 0 {
		t.Errorf("got %+v, %+v, %+v, %v", first, second, third, err)
	}
	checkDay(t, store, 3, 7800)
}

func countsADuplicateOnce(t *testing.T, store Store) {
	t.Helper()
	event := placement(t, epoch()).Event

	first, errFirst := store.Apply(t.Context(), event)
	second, errSecond := store.Apply(t.Context(), event)

	if err := errors.Join(errFirst, errSecond); err != nil || !first || second {
		t.Errorf("got %t, %t, %v", first, second, err)
	}
	checkDay(t, store, 1, 2600)
}

func keepsAFailedEvent(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 1)
	broken := errors.New("broken")

	_, err := store.Take(t.Context(), 10, func(context.Context, order.Placed, app.Summaries) error { return broken })

	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the failure of the projection", err)
	}
	if _, err := store.Take(t.Context(), 10, apply); err != nil {
		t.Errorf("take again: %v", err)
	}
	checkDay(t, store, 1, 2600)
}

func sharesEvents(t *testing.T, store Store) {
	t.Helper()
	const count = 30
	fill(t, store, count)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				if _, err := store.Take(t.Context(), 3, apply); err != nil {
					t.Errorf("take: %v", err)
					return
				}
				if pending, err := store.Pending(t.Context()); err != nil || pending == 0 {
					return
				}
			}
		})
	}

	group.Wait()

	checkDay(t, store, count, count*2600)
}

func aDayWithoutSales(t *testing.T, store Store) {
	t.Helper()

	summary, err := store.Daily(t.Context(), "2020-02-29")

	if want := (order.DailySummary{Day: "2020-02-29"}); err != nil || summary != want {
		t.Errorf("got %+v, %v; want %+v", summary, err, want)
	}
}

func heedsACancelledContext(t *testing.T, store Store) {
	t.Helper()
	made := placement(t, epoch())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, _, errAdd := store.Add(ctx, made)
	_, errFind := store.Find(ctx, made.Order.ID())
	_, errList := store.List(ctx, order.Page{Limit: 1})
	_, errApply := store.Apply(ctx, made.Event)
	_, errDaily := store.Daily(ctx, made.Event.Day())
	_, errTake := store.Take(ctx, 1, apply)

	for name, err := range map[string]error{"add": errAdd, "find": errFind, "list": errList, "apply": errApply, "daily": errDaily, "take": errTake} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want cancelled", name, err)
		}
	}
	if ids := list(t, store, order.Page{Limit: 1}); len(ids) != 0 {
		t.Errorf("a cancelled add left %v", ids)
	}
}
