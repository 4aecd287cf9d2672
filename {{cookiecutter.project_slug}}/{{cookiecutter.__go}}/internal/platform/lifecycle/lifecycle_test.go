package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
)

func newGroup() *lifecycle.Group {
	return lifecycle.NewGroup(slog.New(slog.DiscardHandler))
}

func start(t *testing.T, group *lifecycle.Group, component lifecycle.Component) {
	t.Helper()
	if err := group.Start(t.Context(), component); err != nil {
		t.Fatal(err)
	}
}

func TestComponentsStopInTheOppositeOrder(t *testing.T) {
	t.Parallel()
	var steps []string
	note := func(step string) func(context.Context) error {
		return func(context.Context) error {
			steps = append(steps, step)
			return nil
		}
	}
	group := newGroup()
	start(t, group, lifecycle.Component{Name: "store", Start: note("open store"), Stop: note("close store")})
	start(t, group, lifecycle.Component{Name: "worker", Run: func(ctx context.Context) error {
		<-ctx.Done()
		steps = append(steps, "worker ended")
		return nil
	}})
	start(t, group, lifecycle.Component{Name: "http", Start: note("listen"), Stop: note("drain http")})

	err := group.Stop(t.Context())

	want := []string{"open store", "listen", "drain http", "worker ended", "close store"}
	if err != nil || !slices.Equal(steps, want) {
		t.Errorf("got %q, %v; want %q", steps, err, want)
	}
}

func TestWaitReturnsTheFirstFailure(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	group := newGroup()
	for range 3 {
		start(t, group, lifecycle.Component{Name: "worker", Run: func(context.Context) error { return broken }})
	}

	err := group.Wait(t.Context())

	if !errors.Is(err, broken) || !errors.Is(group.Stop(t.Context()), broken) {
		t.Errorf("got %v, want the failure", err)
	}
}

func TestWaitReturnsNothingAtTheSignal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	if err := newGroup().Wait(ctx); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestStopKeepsToItsBudgetAndStillClosesTheRest(t *testing.T) {
	t.Parallel()
	closed := false
	stuck := make(chan struct{})
	defer close(stuck)
	group := newGroup()
	start(t, group, lifecycle.Component{Name: "store", Stop: func(context.Context) error {
		closed = true
		return nil
	}})
	start(t, group, lifecycle.Component{Name: "stuck", Run: func(context.Context) error {
		<-stuck
		return nil
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()

	err := group.Stop(ctx)

	if !errors.Is(err, context.DeadlineExceeded) || !closed {
		t.Errorf("got %v, closed %t", err, closed)
	}
}

func TestTheEndIsAnnouncedToThoseWhoAsk(t *testing.T) {
	t.Parallel()
	var told []string
	group := newGroup()
	for _, name := range []string{"consumer", "listener"} {
		start(t, group, lifecycle.Component{Name: name, Drain: func() { told = append(told, name) }})
	}
	start(t, group, lifecycle.Component{Name: "store"})

	group.Drain()

	if want := []string{"listener", "consumer"}; !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
}

func TestAPartThatHasEndedIsNotLateEvenWithoutABudget(t *testing.T) {
	t.Parallel()
	group := newGroup()
	for range 20 {
		start(t, group, lifecycle.Component{Name: "store", Stop: func(context.Context) error { return nil }})
	}
	spent, cancel := context.WithCancel(t.Context())
	cancel()

	err := group.Stop(spent)

	if err != nil {
		t.Errorf("got %v", err)
	}
}

func TestAComponentThatFailsToStartIsNotStopped(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	group := newGroup()

	errStart := group.Start(t.Context(), lifecycle.Component{
		Name:  "store",
		Start: func(context.Context) error { return broken },
		Stop: func(context.Context) error {
			t.Error("stopped what never started")
			return nil
		},
	})
	errStop := group.Stop(t.Context())

	if !errors.Is(errStart, broken) || errStop != nil {
		t.Errorf("got %v, %v", errStart, errStop)
	}
}
