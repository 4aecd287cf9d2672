package contract

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

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

func refusesATakenID(t *testing.T, store Store) {
	t.Helper()
	made := placement(t, epoch())
	add(t, store, made)

	_, _, err := store.Add(t.Context(), order.Placement{Order: made.Order, Event: placement(t, epoch()).Event})

	if !errors.Is(err, failure.ErrDuplicate) {
		t.Errorf("got %v, want a duplicate", err)
	}
	if ids := list(t, store, order.Page{Limit: 10}); len(ids) != 1 {
		t.Errorf("%d orders, want 1", len(ids))
	}
	checkPending(t, store, 1)
}

func keepsTheLargestOrder(t *testing.T, store Store) {
	t.Helper()
	made := largest(t, epoch())
	add(t, store, made)

	found, err := store.Find(t.Context(), made.Order.ID())
	project(t, store)

	if err != nil || !same(found, made.Order) {
		t.Errorf("got %+v, %v", found.Snapshot(), err)
	}
	checkDay(t, store, 1, order.MaxItems*order.MaxQuantity*order.MaxUnitPriceCents)
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

func listsNothing(t *testing.T, store Store) {
	t.Helper()

	first := list(t, store, order.Page{Limit: 2})
	after := list(t, store, order.Page{Limit: 2, After: order.NewID(epoch())})

	if len(first)+len(after) != 0 {
		t.Errorf("got %v, %v; want nothing", first, after)
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

func pagesCutThroughOneMoment(t *testing.T, store Store) {
	t.Helper()
	want := make([]order.ID, 0, 20)
	for range 20 {
		want = append(want, add(t, store, placement(t, epoch())).ID())
	}
	slices.Sort(want)
	slices.Reverse(want)

	got := walk(t, store, 3)

	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func pagesStayWhole(t *testing.T, store Store) {
	t.Helper()
	const writers, each = 4, 15
	before := fill(t, store, 40)
	var group sync.WaitGroup
	var written atomic.Int64
	for range writers {
		group.Go(func() {
			for step := range each {
				made := placement(t, epoch().Add(time.Duration(step*2)*time.Second))
				if _, _, err := store.Add(t.Context(), made); err != nil {
					t.Errorf("add: %v", err)
					return
				}
				written.Add(1)
			}
		})
	}

	var walks [][]order.ID
	for written.Load() < writers*each && !t.Failed() {
		walks = append(walks, walk(t, store, 3))
	}
	group.Wait()
	walks = append(walks, walk(t, store, 3))

	for _, seen := range walks {
		if !slices.IsSortedFunc(seen, func(a, b order.ID) int { return cmp.Compare(b, a) }) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
			t.Errorf("a walk gave %v, want each order once, newest first", seen)
		}
		for _, id := range before {
			if !slices.Contains(seen, id) {
				t.Errorf("a walk lost %s", id)
			}
		}
	}
	if last := walks[len(walks)-1]; len(last) != 40+writers*each {
		t.Errorf("%d orders at the end, want %d", len(last), 40+writers*each)
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
	checkPending(t, store, 1)
}

func forgetsAnExpiredKey(t *testing.T, store Store) {
	t.Helper()
	first := add(t, store, keyed(t, 1, epoch()))

	second := add(t, store, keyed(t, 2, epoch().Add(2*time.Hour)))

	if first.ID() == second.ID() {
		t.Error("the expired key still answers")
	}
}

type outcome struct {
	id       order.ID
	replayed bool
	err      error
}

func race(t *testing.T, store Store, made []order.Placement) []outcome {
	t.Helper()
	outcomes := make([]outcome, len(made))
	start := make(chan struct{})
	var group sync.WaitGroup
	for i, one := range made {
		group.Go(func() {
			<-start
			stored, replayed, err := store.Add(t.Context(), one)
			outcomes[i] = outcome{stored.ID(), replayed, err}
		})
	}
	close(start)
	group.Wait()
	return outcomes
}

func placesOnce(t *testing.T, store Store) {
	t.Helper()
	const rounds, writers = 10, 8
	for round := range rounds {
		made := make([]order.Placement, 0, writers)
		for range writers {
			made = append(made, withKey(placement(t, epoch()), fmt.Sprintf("k-%d", round), 1, epoch()))
		}

		outcomes := race(t, store, made)

		placed := 0
		for _, one := range outcomes {
			if one.err != nil || one.id != outcomes[0].id {
				t.Errorf("got %+v beside %+v, want one order for all", one, outcomes[0])
			}
			if !one.replayed {
				placed++
			}
		}
		if placed != 1 {
			t.Errorf("%d writers placed, want 1", placed)
		}
	}
	checkPending(t, store, rounds)
	if ids := walk(t, store, 100); len(ids) != rounds {
		t.Errorf("%d orders, want %d", len(ids), rounds)
	}
}

func racesForAKey(t *testing.T, store Store) {
	t.Helper()
	made := make([]order.Placement, 0, 8)
	for fingerprint := range byte(8) {
		made = append(made, keyed(t, fingerprint/2, epoch()))
	}

	outcomes := race(t, store, made)

	var placed, replayed, refused int
	for _, one := range outcomes {
		switch {
		case errors.Is(one.err, order.ErrIdempotencyConflict):
			refused++
		case one.err != nil:
			t.Errorf("got %v, want an order or a conflict", one.err)
		case one.replayed:
			replayed++
		default:
			placed++
		}
	}
	if placed != 1 || replayed != 1 || refused != 6 {
		t.Errorf("%d placed, %d replayed, %d refused; want 1, 1, 6", placed, replayed, refused)
	}
	checkPending(t, store, 1)
}

func leavesTheKeyFree(t *testing.T, store Store) {
	t.Helper()
	taken := placement(t, epoch())
	add(t, store, taken)
	_, _, err := store.Add(t.Context(), withKey(taken, "k", 1, epoch()))

	second := add(t, store, keyed(t, 2, epoch()))

	if !errors.Is(err, failure.ErrDuplicate) || second.ID() == taken.Order.ID() {
		t.Errorf("got %v, then %s", err, second.ID())
	}
}
