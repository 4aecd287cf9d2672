package contract

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

var errBroken = errors.New("broken")

func projectsOnce(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 3)

	first, errFirst := store.Take(t.Context(), 2, apply)
	second, errSecond := store.Take(t.Context(), 2, apply)
	third, errThird := store.Take(t.Context(), 2, apply)

	if err := errors.Join(errFirst, errSecond, errThird); err != nil || first.Taken != 2 || second.Taken != 1 || third.Taken != 0 {
		t.Errorf("got %+v, %+v, %+v, %v", first, second, third, err)
	}
	checkDay(t, store, 3, 3*orderCents)
	checkPending(t, store, 0)
}

func countsADuplicateOnce(t *testing.T, store Store) {
	t.Helper()
	event := placement(t, epoch()).Event

	first, errFirst := store.Apply(t.Context(), event)
	second, errSecond := store.Apply(t.Context(), event)

	if err := errors.Join(errFirst, errSecond); err != nil || !first || second {
		t.Errorf("got %t, %t, %v", first, second, err)
	}
	checkDay(t, store, 1, orderCents)
}

func countsRacingDuplicatesOnce(t *testing.T, store Store) {
	t.Helper()
	const rounds = 10
	var group sync.WaitGroup
	var counted atomic.Int64
	for range rounds {
		event := placement(t, epoch()).Event
		for range 4 {
			group.Go(func() {
				first, err := store.Apply(t.Context(), event)
				if err != nil {
					t.Errorf("apply: %v", err)
				}
				if first {
					counted.Add(1)
				}
			})
		}
	}

	group.Wait()

	if counted.Load() != rounds {
		t.Errorf("%d were counted, want %d", counted.Load(), rounds)
	}
	checkDay(t, store, rounds, rounds*orderCents)
}

func keepsAFailedEvent(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 1)

	_, err := store.Take(t.Context(), 10, func(context.Context, order.Placed, app.Summaries) error { return errBroken })

	if !errors.Is(err, errBroken) {
		t.Errorf("got %v, want the failure of the projection", err)
	}
	checkPending(t, store, 1)
	project(t, store)
	checkDay(t, store, 1, orderCents)
}

func takesBackAFailedProjection(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 1)
	counted := 0

	_, err := store.Take(t.Context(), 10, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		return errors.Join(apply(ctx, event, summaries), errBroken)
	})

	if !errors.Is(err, errBroken) {
		t.Errorf("got %v, want the failure of the projection", err)
	}
	checkDay(t, store, 0, 0)
	_, err = store.Take(t.Context(), 10, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		first, err := summaries.Apply(ctx, event)
		if first {
			counted++
		}
		return err
	})
	if err != nil || counted != 1 {
		t.Errorf("the next projection counted %d, %v; want 1", counted, err)
	}
	checkDay(t, store, 1, orderCents)
}

func projectionSeesItsWrites(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 2)
	var seen order.DailySummary

	_, err := store.Take(t.Context(), 10, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		if err := apply(ctx, event, summaries); err != nil {
			return err
		}
		again, err := summaries.Apply(ctx, event)
		if again {
			t.Error("an event was counted twice in one projection")
		}
		if err == nil {
			seen, err = summaries.Daily(ctx, event.Day())
		}
		return err
	})

	if want := (order.DailySummary{Day: order.DayOf(epoch()), Orders: 2, RevenueCents: 2 * orderCents}); err != nil || seen != want {
		t.Errorf("got %+v, %v; want %+v", seen, err, want)
	}
}

func sharesEvents(t *testing.T, store Store) {
	t.Helper()
	const count = 30
	fill(t, store, count)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { project(t, store) })
	}

	group.Wait()

	checkDay(t, store, count, count*orderCents)
}

func handsAnEventToOne(t *testing.T, store Store) {
	t.Helper()
	fill(t, store, 40)
	var mutex sync.Mutex
	inHand := map[order.ID]bool{}
	hold := func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		mutex.Lock()
		if inHand[event.EventID] {
			t.Errorf("event %s was handed out twice", event.EventID)
		}
		inHand[event.EventID] = true
		mutex.Unlock()
		return apply(ctx, event, summaries)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for taken := 1; taken > 0; {
				batch, err := store.Take(t.Context(), 3, hold)
				if err != nil {
					t.Errorf("take: %v", err)
				}
				taken = batch.Taken
			}
		})
	}

	group.Wait()

	if len(inHand) != 40 {
		t.Errorf("%d events were handed out, want 40", len(inHand))
	}
	checkDay(t, store, 40, 40*orderCents)
}

func sumsHold(t *testing.T, store Store) {
	t.Helper()
	const writers, each, days = 4, 15, 3
	var group, projectors sync.WaitGroup
	var done atomic.Bool
	for writer := range writers {
		group.Go(func() {
			for step := range each {
				made := placement(t, epoch().Add(time.Duration((step+writer)%days)*24*time.Hour))
				if _, _, err := store.Add(t.Context(), made); err != nil {
					t.Errorf("add: %v", err)
				}
			}
		})
	}
	for range 3 {
		projectors.Go(func() {
			for !done.Load() {
				if _, err := store.Take(t.Context(), 7, apply); err != nil {
					t.Errorf("take: %v", err)
					return
				}
			}
		})
	}

	group.Wait()
	project(t, store)
	done.Store(true)
	projectors.Wait()

	for day := range days {
		at := order.DayOf(epoch().Add(time.Duration(day) * 24 * time.Hour))
		checkSum(t, store, at, writers*each/days, writers*each/days*orderCents)
	}
	if ids := walk(t, store, 100); len(ids) != writers*each {
		t.Errorf("%d orders, want %d", len(ids), writers*each)
	}
}

func projectsDaysInAnyOrder(t *testing.T, store Store) {
	t.Helper()
	const rounds = 8
	next := epoch().Add(24 * time.Hour)
	for range rounds {
		for _, at := range []time.Time{epoch(), next, next, epoch()} {
			add(t, store, placement(t, at))
		}
		var group sync.WaitGroup
		met := &meeting{full: make(chan struct{})}
		for range 2 {
			group.Go(func() {
				_, err := store.Take(t.Context(), 2, met.after(2))
				if err != nil {
					t.Errorf("take: %v", err)
				}
			})
		}
		group.Wait()
	}

	project(t, store)

	checkSum(t, store, order.DayOf(epoch()), 2*rounds, 2*rounds*orderCents)
	checkSum(t, store, order.DayOf(next), 2*rounds, 2*rounds*orderCents)
}

type meeting struct {
	arrived atomic.Int64
	full    chan struct{}
}

func (m *meeting) after(events int) app.Projection {
	seen := 0
	return func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		err := apply(ctx, event, summaries)
		if seen++; seen == events {
			m.wait()
		}
		return err
	}
}

func (m *meeting) wait() {
	if m.arrived.Add(1) == 2 {
		close(m.full)
	}
	select {
	case <-m.full:
	case <-time.After(shortMoment):
	}
}

func aDayWithoutSales(t *testing.T, store Store) {
	t.Helper()

	summary, err := store.Daily(t.Context(), "2020-02-29")

	if want := (order.DailySummary{Day: "2020-02-29"}); err != nil || summary != want {
		t.Errorf("got %+v, %v; want %+v", summary, err, want)
	}
}

func purges(t *testing.T, store Store) {
	t.Helper()
	add(t, store, withKey(placement(t, epoch()), "old", 1, epoch().Add(-2*time.Hour)))
	kept := add(t, store, withKey(placement(t, epoch()), "valid", 1, epoch()))
	project(t, store)
	longAgo, later := epoch().AddDate(-10, 0, 0), epoch().AddDate(100, 0, 0)

	first, errFirst := store.Purge(t.Context(), epoch(), longAgo, 100)
	again, replayed, errAgain := store.Add(t.Context(), withKey(placement(t, epoch()), "valid", 1, epoch()))
	second, errSecond := store.Purge(t.Context(), epoch(), later, 100)
	third, errThird := store.Purge(t.Context(), epoch(), later, 100)

	if err := errors.Join(errFirst, errAgain, errSecond, errThird); err != nil {
		t.Fatal(err)
	}
	if !replayed || again.ID() != kept.ID() {
		t.Errorf("a valid key was forgotten: %s, replayed %t", again.ID(), replayed)
	}
	if first != (retention.Purged{Keys: 1}) || second != (retention.Purged{Events: 2}) || third != (retention.Purged{}) {
		t.Errorf("purged %+v, %+v, %+v; want one key, two events, nothing", first, second, third)
	}
	checkDay(t, store, 2, 2*orderCents)
}

func purgesInSteps(t *testing.T, store Store) {
	t.Helper()
	for key := range 5 {
		add(t, store, withKey(placement(t, epoch()), string(rune('a'+key)), 1, epoch().Add(-2*time.Hour)))
	}
	project(t, store)
	later := epoch().AddDate(100, 0, 0)

	first, errFirst := store.Purge(t.Context(), epoch(), later, 3)
	second, errSecond := store.Purge(t.Context(), epoch(), later, 3)

	if err := errors.Join(errFirst, errSecond); err != nil || first != (retention.Purged{Keys: 3, Events: 3}) || second != (retention.Purged{Keys: 2, Events: 2}) {
		t.Errorf("purged %+v, %+v, %v; want three, then two", first, second, err)
	}
}
