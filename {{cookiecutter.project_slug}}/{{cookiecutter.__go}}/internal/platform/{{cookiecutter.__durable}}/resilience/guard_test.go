package resilience_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/failure"
	"{{ cookiecutter.__go_module }}/internal/platform/resilience"
)

var (
	errBroken   = errors.New("broken pipe")
	errNotFound = errors.New("not found")
)

type observer struct {
	mu      sync.Mutex
	results map[string]int
	retries int
	refused map[string]int
	states  []string
}

func newObserver() *observer {
	return &observer{results: map[string]int{}, refused: map[string]int{}}
}

func (o *observer) Attempted(_ context.Context, result string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results[result]++
}

func (o *observer) Retried(context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retries++
}

func (o *observer) Refused(_ context.Context, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused[reason]++
}

func (o *observer) BreakerChanged(_ context.Context, state string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.states = append(o.states, state)
}

func settings() resilience.Settings {
	return resilience.Settings{
		Timeout: 50 * time.Millisecond, Attempts: 3, BackoffMin: 10 * time.Millisecond, BackoffMax: 15 * time.Millisecond,
		RetryBudget: 0.2, MaxConcurrent: 5, MaxWait: 10 * time.Millisecond,
		BreakerRate: 0.5, BreakerCalls: 10, BreakerWindow: 10 * time.Second, BreakerDelay: 2 * time.Second,
	}
}

func newGuard(tuned resilience.Settings) (*resilience.Guard, *observer) {
	seen := newObserver()
	transient := func(err error) bool { return errors.Is(err, errBroken) }
	return resilience.New("store", tuned, transient, seen, slog.New(slog.DiscardHandler)), seen
}

func failing(cause error) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return 7, cause }
}

func stalled(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func working(context.Context) (int, error) {
	return 42, nil
}

func open(t *testing.T, guard *resilience.Guard) {
	t.Helper()
	for range settings().BreakerCalls {
		_, _ = resilience.Once(t.Context(), guard, failing(errBroken))
	}
	if _, err := resilience.Once(t.Context(), guard, working); !errors.Is(err, failure.ErrUnavailable) {
		t.Fatalf("got %v, want an open breaker", err)
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answers  []error
		want     error
		attempts int
	}{
		"an answer comes back at once":      {[]error{nil}, nil, 1},
		"a failure is tried again":          {[]error{errBroken, errBroken, nil}, nil, 3},
		"attempts come to an end":           {[]error{errBroken, errBroken, errBroken, nil}, failure.ErrUnavailable, 3},
		"a no is an answer, not a failure":  {[]error{errNotFound, nil}, errNotFound, 1},
		"a no after a failure is an answer": {[]error{errBroken, errNotFound, nil}, errNotFound, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guard, seen := newGuard(settings())
			attempts := 0

			answer, err := resilience.Repeat(t.Context(), guard, func(context.Context) (int, error) {
				attempts++
				return attempts, test.answers[attempts-1]
			})

			if !errors.Is(err, test.want) || attempts != test.attempts || seen.retries != test.attempts-1 {
				t.Errorf("got %v after %d attempts, %d retries", err, attempts, seen.retries)
			}
			if (err == nil) != (answer == attempts) || err != nil && answer != 0 {
				t.Errorf("got %d beside %v", answer, err)
			}
		})
	}
}

func TestEachAttemptHasItsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard, seen := newGuard(settings())
		started := time.Now()

		_, err := resilience.Repeat(t.Context(), guard, stalled)

		took := time.Since(started)
		if !errors.Is(err, failure.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || seen.results["timeout"] != 3 {
			t.Errorf("got %v, %v", err, seen.results)
		}
		if took < 150*time.Millisecond || took > 175*time.Millisecond {
			t.Errorf("took %s, want three timeouts and two pauses below 10 and 15 ms", took)
		}
	})
}

func TestPausesAreSpreadOverTheWholeRange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tuned := settings()
		tuned.Attempts, tuned.BreakerCalls, tuned.BackoffMin, tuned.BackoffMax = 2, 1000, time.Second, time.Second
		guard, _ := newGuard(tuned)
		var pauses []time.Duration

		for range 100 {
			started := time.Now()
			_, _ = resilience.Repeat(t.Context(), guard, failing(errBroken))
			pauses = append(pauses, time.Since(started))
		}

		if slices.Min(pauses) > 200*time.Millisecond || slices.Max(pauses) < 800*time.Millisecond || slices.Max(pauses) > time.Second {
			t.Errorf("pauses reach from %s to %s, want all of 0 to 1 s", slices.Min(pauses), slices.Max(pauses))
		}
	})
}

func TestOnceIsOneAttemptWithTheTimeOfAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard, seen := newGuard(settings())
		started := time.Now()

		_, err := resilience.Once(t.Context(), guard, stalled)

		if took := time.Since(started); took != 150*time.Millisecond || seen.results["timeout"] != 1 {
			t.Errorf("took %s, %v", took, seen.results)
		}
		if !errors.Is(err, failure.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestACallerThatGivesUpCountsNeitherWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard, seen := newGuard(settings())

		for range 20 {
			hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := resilience.Repeat(hasty, guard, stalled)
			cancel()
			_, errBefore := resilience.Once(hasty, guard, working)

			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, failure.ErrUnavailable) || errBefore == nil {
				t.Fatalf("got %v, then %v", err, errBefore)
			}
		}

		if !maps.Equal(seen.results, map[string]int{"abandoned": 20}) || seen.retries != 0 || len(seen.states) > 0 {
			t.Errorf("got %v, %d retries, %v", seen.results, seen.retries, seen.states)
		}
		for range 9 {
			_, _ = resilience.Once(t.Context(), guard, failing(errBroken))
		}
		if _, err := resilience.Once(t.Context(), guard, failing(errBroken)); len(seen.states) != 1 {
			t.Errorf("got %v and %v, want the tenth failure to open the breaker", err, seen.states)
		}
	})
}

func TestACallerIsNotHeldInAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tuned := settings()
		tuned.BackoffMin, tuned.BackoffMax = time.Hour, time.Hour
		guard, _ := newGuard(tuned)
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		started := time.Now()

		_, err := resilience.Repeat(hasty, guard, failing(errBroken))

		if took := time.Since(started); took != time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v after %s", err, took)
		}
	})
}

func TestTheBreakerOpensTriesAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard, seen := newGuard(settings())
		open(t, guard)

		_, err := resilience.Repeat(t.Context(), guard, working)

		unavailable, ok := errors.AsType[*resilience.UnavailableError](err)
		if !ok || unavailable.Reason != "open" || unavailable.RetryAfter() < 1600*time.Millisecond || unavailable.RetryAfter() > 2400*time.Millisecond {
			t.Fatalf("got %+v", unavailable)
		}
		time.Sleep(2400 * time.Millisecond)
		for range 2 {
			if answer, err := resilience.Repeat(t.Context(), guard, working); answer != 42 || err != nil {
				t.Errorf("got %d, %v", answer, err)
			}
		}
		if !slices.Equal(seen.states, []string{"open", "half-open", "closed"}) || seen.refused["open"] != 2 {
			t.Errorf("got %v, %v", seen.states, seen.refused)
		}
	})
}

func TestATrialThatFailsOpensTheBreakerAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]func(ctx context.Context, guard *resilience.Guard){
		"fails": func(ctx context.Context, guard *resilience.Guard) {
			_, _ = resilience.Once(ctx, guard, failing(errBroken))
		},
		"is abandoned": func(ctx context.Context, guard *resilience.Guard) {
			hasty, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			_, _ = resilience.Once(hasty, guard, stalled)
		},
		"panics": func(ctx context.Context, guard *resilience.Guard) {
			defer func() { _ = recover() }()
			_, _ = resilience.Once(ctx, guard, func(context.Context) (int, error) { panic("bug") })
		},
	}
	for name, trial := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				guard, seen := newGuard(settings())
				open(t, guard)
				time.Sleep(2400 * time.Millisecond)

				trial(t.Context(), guard)

				_, err := resilience.Once(t.Context(), guard, working)
				if !errors.Is(err, failure.ErrUnavailable) || !slices.Equal(seen.states, []string{"open", "half-open", "open"}) {
					t.Errorf("got %v, %v", err, seen.states)
				}
			})
		})
	}
}

func TestAProbeClosesTheBreakerOfAProcessWithoutTraffic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard, seen := newGuard(settings())
		open(t, guard)
		ping := func(context.Context) error { return nil }

		refused := guard.Probe(t.Context(), ping)
		time.Sleep(2400 * time.Millisecond)
		err := errors.Join(guard.Probe(t.Context(), ping), guard.Probe(t.Context(), ping))

		if !errors.Is(refused, failure.ErrUnavailable) || err != nil || seen.states[len(seen.states)-1] != "closed" {
			t.Errorf("got %v, then %v, %v", refused, err, seen.states)
		}
	})
}

func TestTheBulkheadBoundsWhatIsInFlightAndLetsProbesPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		guard, seen := newGuard(settings())
		release := make(chan struct{})
		var inFlight, peak atomic.Int64
		held := func(ctx context.Context) (int, error) {
			peak.Store(max(peak.Load(), inFlight.Add(1)))
			<-release
			inFlight.Add(-1)
			return 0, ctx.Err()
		}
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() { _, _ = resilience.Once(t.Context(), guard, held) })
		}
		synctest.Wait()
		started := time.Now()

		_, err := resilience.Repeat(t.Context(), guard, held)
		waited := time.Since(started)
		errProbe := guard.Probe(t.Context(), func(context.Context) error { return nil })

		close(release)
		group.Wait()
		if !errors.Is(err, failure.ErrUnavailable) || waited != 10*time.Millisecond || errProbe != nil {
			t.Errorf("got %v after %s, probe %v", err, waited, errProbe)
		}
		if peak.Load() != 5 || seen.refused["full"] != 1 || seen.retries != 0 || len(seen.states) > 0 {
			t.Errorf("peak %d, %v, %d retries, %v", peak.Load(), seen.refused, seen.retries, seen.states)
		}
	})
}

func TestTheBudgetKeepsRetriesFromBecomingTheLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tuned := settings()
		tuned.MaxConcurrent, tuned.BreakerCalls = 1000, 100000
		guard, seen := newGuard(tuned)
		var attempts, spent atomic.Int64
		var group sync.WaitGroup

		for range 100 {
			group.Go(func() {
				_, err := resilience.Repeat(t.Context(), guard, func(context.Context) (int, error) {
					attempts.Add(1)
					time.Sleep(20 * time.Millisecond)
					return 0, errBroken
				})
				if unavailable, ok := errors.AsType[*resilience.UnavailableError](err); ok && unavailable.Reason == "budget" {
					spent.Add(1)
					if !errors.Is(err, errBroken) {
						t.Errorf("got %v, want the last failure as its cause", err)
					}
				}
			})
		}
		group.Wait()

		if attempts.Load() > 200 || spent.Load() == 0 || int64(seen.refused["budget"]) != spent.Load() {
			t.Errorf("%d attempts, %d spent, %v", attempts.Load(), spent.Load(), seen.refused)
		}
	})
}

func TestFaultsComeAsTheyAreAsked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults resilience.Faults
		took   time.Duration
		result string
	}{
		"none":                    {resilience.Faults{Delay: time.Second}, 0, "ok"},
		"failures":                {resilience.Faults{Failures: 1}, 0, "failed"},
		"slow":                    {resilience.Faults{Slow: 1, Delay: 20 * time.Millisecond}, 20 * time.Millisecond, "ok"},
		"slower than the timeout": {resilience.Faults{Slow: 1, Delay: time.Hour}, 150 * time.Millisecond, "timeout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tuned := settings()
				tuned.Faults = test.faults
				guard, seen := newGuard(tuned)
				started := time.Now()

				_, err := resilience.Once(t.Context(), guard, working)

				if took := time.Since(started); took != test.took || !maps.Equal(seen.results, map[string]int{test.result: 1}) {
					t.Errorf("took %s, %v", took, seen.results)
				}
				if (test.result == "ok") != (err == nil) || test.faults.Any() != (test.faults.Failures+test.faults.Slow > 0) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestTheErrorSaysWhatWhyAndWhen(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(settings())

	_, err := resilience.Once(t.Context(), guard, failing(errBroken))

	unavailable, ok := errors.AsType[*resilience.UnavailableError](err)
	if !ok || unavailable.RetryAfter() != time.Second || !errors.Is(err, errBroken) {
		t.Errorf("got %+v", unavailable)
	}
	if text := err.Error(); !strings.Contains(text, "store unavailable: failed") || !strings.Contains(text, "broken pipe") {
		t.Errorf("got %q", text)
	}
}

func BenchmarkCall(b *testing.B) {
	tuned := settings()
	tuned.Timeout = time.Second
	guard, _ := newGuard(tuned)
	calls := map[string]func() (int, error){
		"bare":   func() (int, error) { return working(b.Context()) },
		"once":   func() (int, error) { return resilience.Once(b.Context(), guard, working) },
		"repeat": func() (int, error) { return resilience.Repeat(b.Context(), guard, working) },
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := calls[name](); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
