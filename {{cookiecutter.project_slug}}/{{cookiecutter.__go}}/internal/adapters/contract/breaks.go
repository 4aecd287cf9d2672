package contract

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const halfAPage = 40 << 10

var errWrongEnd = errors.New("call ends otherwise than its context")

func neverShortensAPage(t *testing.T, subject Subject) {
	t.Helper()
	for step := range 12 {
		add(t, subject.Store, largest(t, epoch().Add(time.Duration(step)*time.Second)))
	}
	list(t, subject.Store, order.Page{Limit: 12})
	subject.Faults.Cut(halfAPage)

	found, err := subject.Store.List(t.Context(), order.Page{Limit: 12})

	if err == nil || len(found) != 0 {
		t.Errorf("got %d orders, %v; want an error and no orders", len(found), err)
	}
	subject.Faults.Heal()
	if ids := list(t, subject.Store, order.Page{Limit: 12}); len(ids) != 12 {
		t.Errorf("%d orders after the break, want 12", len(ids))
	}
}

func tellsUnavailable(t *testing.T, subject Subject) {
	t.Helper()
	made := placement(t, epoch())
	warmUp(t, subject.Store)
	subject.Faults.Cut(0)

	_, err := subject.Store.Find(t.Context(), made.Order.ID())

	if !errors.Is(err, failure.ErrUnavailable) {
		t.Errorf("the first call: got %v, want unavailable", err)
	}
	checkCalls(t.Context(), t, subject.Store, made, failure.ErrUnavailable)
}

func recovers(t *testing.T, subject Subject) {
	t.Helper()
	made := placement(t, epoch())
	subject.Faults.Cut(0)
	for name, call := range calls(subject.Store, made) {
		if err := call(t.Context()); err == nil {
			t.Errorf("%s succeeds without a connection", name)
		}
	}

	subject.Faults.Heal()

	add(t, subject.Store, placement(t, epoch()))
	for name, call := range calls(subject.Store, placement(t, epoch())) {
		if err := call(t.Context()); err != nil && !errors.Is(err, order.ErrNotFound) {
			t.Errorf("%s after the break: %v", name, err)
		}
	}
}

func warmUp(t *testing.T, store Store) {
	t.Helper()
	add(t, store, withKey(placement(t, epoch().Add(-24*time.Hour)), "warm", 1, epoch()))
	_, _, err := store.Add(t.Context(), withKey(placement(t, epoch()), "warm", 1, epoch()))
	if err != nil {
		t.Fatalf("repeat: %v", err)
	}
	project(t, store)
}

func answersAgain(t *testing.T, subject Subject) {
	t.Helper()
	warmUp(t, subject.Store)
	subject.Faults.Cut(0)
	_, _, errLost := subject.Store.Add(t.Context(), keyed(t, 1, epoch()))
	subject.Faults.Heal()

	first, _, errFirst := subject.Store.Add(t.Context(), keyed(t, 1, epoch()))
	second, replayed, errSecond := subject.Store.Add(t.Context(), keyed(t, 1, epoch()))

	if errLost == nil {
		t.Error("an add whose answer was lost succeeds")
	}
	if err := errors.Join(errFirst, errSecond); err != nil || !replayed || first.ID() != second.ID() {
		t.Errorf("got %s, then %s, replayed %t, %v", first.ID(), second.ID(), replayed, err)
	}
	if ids := list(t, subject.Store, order.Page{Limit: 10}); len(ids) != 2 {
		t.Errorf("%d orders, want the first and the one that was repeated", len(ids))
	}
	checkPending(t, subject.Store, 1)
}

func leavesNothingHalfWritten(t *testing.T, subject Subject) {
	t.Helper()
	made := keyed(t, 1, epoch())
	plain := placement(t, epoch())
	subject.Faults.RefuseEvents(t, true)

	_, _, errKeyed := subject.Store.Add(t.Context(), made)
	_, _, errPlain := subject.Store.Add(t.Context(), plain)
	_, errFind := subject.Store.Find(t.Context(), plain.Order.ID())
	subject.Faults.RefuseEvents(t, false)

	if errKeyed == nil || errPlain == nil || !errors.Is(errFind, order.ErrNotFound) {
		t.Errorf("got %v, %v, %v; want two errors and nothing found", errKeyed, errPlain, errFind)
	}
	checkPending(t, subject.Store, 0)
	if again := add(t, subject.Store, made); again.ID() != made.Order.ID() {
		t.Errorf("the key of a lost order answers %s", again.ID())
	}
}

func endsWhenNothingAnswers(t *testing.T, subject Subject) {
	t.Helper()
	made := placement(t, epoch())
	warmUp(t, subject.Store)
	for name, call := range calls(subject.Store, made) {
		subject.Faults.Stall()

		errDeadline := endedBy(t, call, context.DeadlineExceeded)
		errCancel := endedBy(t, call, context.Canceled)

		if err := errors.Join(errDeadline, errCancel); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		subject.Faults.Heal()
	}
}

func endedBy(t *testing.T, call func(ctx context.Context) error, want error) error {
	t.Helper()
	limit := patience
	if errors.Is(want, context.DeadlineExceeded) {
		limit = shortMoment
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if errors.Is(want, context.Canceled) {
		defer time.AfterFunc(shortMoment, cancel).Stop()
	}
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	select {
	case err := <-done:
		if !errors.Is(err, want) {
			return fmt.Errorf("%w: got %w, want %w", errWrongEnd, err, want)
		}
		return nil
	case <-time.After(patience / 3):
		return fmt.Errorf("%w: nothing, want %w", errWrongEnd, want)
	}
}

func countsOnceWhenCutOff(t *testing.T, subject Subject) {
	t.Helper()
	warmUp(t, subject.Store)
	fill(t, subject.Store, 5)

	_, err := subject.Store.Take(t.Context(), 10, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		err := apply(ctx, event, summaries)
		subject.Faults.Cut(0)
		return err
	})
	subject.Faults.Heal()
	project(t, subject.Store)

	if err == nil {
		t.Error("a projection without a connection succeeds")
	}
	checkDay(t, subject.Store, 5, 5*orderCents)
	checkPending(t, subject.Store, 0)
}
