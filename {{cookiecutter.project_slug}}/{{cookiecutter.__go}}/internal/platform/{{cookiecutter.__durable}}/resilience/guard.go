package resilience

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

const (
	ResultOK        = "ok"
	ResultAnswered  = "answered"
	ResultFailed    = "failed"
	ResultTimeout   = "timeout"
	ResultAbandoned = "abandoned"

	RefusedOpen   = "open"
	RefusedFull   = "full"
	RefusedBudget = "budget"

	StateClosed   = "closed"
	StateHalfOpen = "half-open"
	StateOpen     = "open"

	freeRetries   = 3
	trials        = 2
	delayJitter   = 0.2
	soonest       = time.Second
	mostDoublings = 16
)

// Settings bound the calls to one dependency. RetryBudget and BreakerRate are shares, from 0 to 1.
type Settings struct {
	Timeout       time.Duration
	Attempts      int
	BackoffMin    time.Duration
	BackoffMax    time.Duration
	RetryBudget   float64
	MaxConcurrent uint
	MaxWait       time.Duration
	BreakerRate   float64
	BreakerCalls  uint
	BreakerWindow time.Duration
	BreakerDelay  time.Duration
	Faults        Faults
}

// Observer counts what a guard does. Attempted gets one of the results, Refused one of the refusals, BreakerChanged one
// of the states.
type Observer interface {
	Attempted(ctx context.Context, result string)
	Retried(ctx context.Context)
	Refused(ctx context.Context, reason string)
	BreakerChanged(ctx context.Context, state string)
}

// Guard stands before one dependency. Its calls return the dependency's own answers and errors, the caller's own
// cancellation, or an UnavailableError. A caller that gives up counts neither for nor against the dependency.
type Guard struct {
	name      string
	settings  Settings
	transient func(error) bool
	observer  Observer
	logger    *slog.Logger
	retry     failsafe.Executor[any]
	breaker   circuitbreaker.CircuitBreaker[any]
	gate      bulkhead.Bulkhead[any]
}

// New guards a dependency; transient tells the failures of the dependency from its answers, such as "not found".
func New(name string, settings Settings, transient func(error) bool, observer Observer, logger *slog.Logger) *Guard {
	guard := &Guard{name: name, settings: settings, transient: transient, observer: observer, logger: logger}
	guard.gate = bulkhead.New[any](settings.MaxConcurrent)
	guard.breaker = circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(settings.BreakerRate, settings.BreakerCalls, settings.BreakerWindow).
		WithSuccessThreshold(trials).
		WithDelay(settings.BreakerDelay).
		WithJitterFactor(delayJitter).
		OnStateChanged(guard.breakerChanged).
		Build()
	guard.retry = failsafe.With(retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return worthAnotherAttempt(err) }).
		WithMaxAttempts(settings.Attempts).
		WithBudget(budget.NewBuilder().WithMaxRate(settings.RetryBudget).WithMinConcurrency(freeRetries).Build()).
		WithDelayFunc(guard.pause).
		OnRetry(guard.retried).
		ReturnLastFailure().
		Build())
	return guard
}

// Repeat makes a call that is safe to make again: a read, or a write that does its work once however often it arrives.
func Repeat[T any](ctx context.Context, guard *Guard, call func(ctx context.Context) (T, error)) (T, error) {
	var answer, none T
	var last error
	err := guard.retry.WithContext(ctx).Run(func() error {
		last = guard.enter(ctx, guard.settings.Timeout, func(ctx context.Context) error {
			var err error
			answer, err = call(ctx)
			return err
		})
		return last
	})
	if errors.Is(err, budget.ErrExceeded) {
		err = guard.refuse(ctx, RefusedBudget, last)
	}
	if err != nil {
		return none, err
	}
	return answer, nil
}

// Once makes a call that must not be made again. It is given the time of all attempts together.
func Once[T any](ctx context.Context, guard *Guard, call func(ctx context.Context) (T, error)) (T, error) {
	var answer, none T
	err := guard.enter(ctx, time.Duration(guard.settings.Attempts)*guard.settings.Timeout, func(ctx context.Context) error {
		var err error
		answer, err = call(ctx)
		return err
	})
	if err != nil {
		return none, err
	}
	return answer, nil
}

// Probe asks the dependency how it is: one attempt that passes the breaker, and so can close it, and leaves out the
// bulkhead, because a process that is busy is not broken.
func (g *Guard) Probe(ctx context.Context, call func(ctx context.Context) error) error {
	return g.attempt(ctx, g.settings.Timeout, call)
}

func (g *Guard) enter(ctx context.Context, limit time.Duration, call func(ctx context.Context) error) error {
	err := g.gate.AcquirePermitWithMaxWait(ctx, g.settings.MaxWait)
	if errors.Is(err, bulkhead.ErrFull) {
		return g.refuse(ctx, RefusedFull, nil)
	}
	if err != nil {
		return fmt.Errorf("wait for %s: %w", g.name, err)
	}
	defer g.gate.ReleasePermit()
	return g.attempt(ctx, limit, call)
}

func (g *Guard) attempt(ctx context.Context, limit time.Duration, call func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("call %s: %w", g.name, err)
	}
	if !g.breaker.TryAcquirePermit() {
		return g.refuse(ctx, RefusedOpen, nil)
	}
	trial := g.breaker.IsHalfOpen()
	result := ResultAbandoned
	defer func() { g.record(ctx, trial, result) }()
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := g.settings.Faults.strike(bounded)
	if err == nil {
		err = call(bounded)
	}
	result = g.judge(ctx, bounded, err)
	if result == ResultFailed || result == ResultTimeout {
		return &UnavailableError{Dependency: g.name, Reason: result, After: soonest, Cause: err}
	}
	return err
}

func (g *Guard) judge(caller, attempt context.Context, err error) string {
	switch {
	case err == nil:
		return ResultOK
	case caller.Err() != nil:
		return ResultAbandoned
	case attempt.Err() != nil:
		return ResultTimeout
	case errors.Is(err, errInjected) || g.transient(err):
		return ResultFailed
	default:
		return ResultAnswered
	}
}

func (g *Guard) record(ctx context.Context, trial bool, result string) {
	g.observer.Attempted(ctx, result)
	switch result {
	case ResultOK, ResultAnswered:
		g.breaker.RecordSuccess()
	case ResultFailed, ResultTimeout:
		g.breaker.RecordFailure()
	default:
		g.endTrial(trial)
	}
}

func (g *Guard) endTrial(trial bool) {
	if trial && g.breaker.IsHalfOpen() {
		g.breaker.Open()
	}
}

func (g *Guard) refuse(ctx context.Context, reason string, cause error) error {
	g.observer.Refused(ctx, reason)
	return &UnavailableError{
		Dependency: g.name, Reason: reason, After: max(g.breaker.RemainingDelay(), soonest), Cause: cause,
	}
}

func (g *Guard) pause(execution failsafe.ExecutionAttempt[any]) time.Duration {
	doublings := min(execution.Retries(), mostDoublings)
	ceiling := min(g.settings.BackoffMin<<doublings, g.settings.BackoffMax)
	return rand.N(ceiling + 1) //nolint:gosec // jitter needs no secrecy
}

func (g *Guard) retried(event failsafe.ExecutionEvent[any]) {
	g.observer.Retried(event.Context())
}

func (g *Guard) breakerChanged(event circuitbreaker.StateChangedEvent) {
	ctx := event.Context()
	switch event.NewState {
	case circuitbreaker.OpenState:
		g.observer.BreakerChanged(ctx, StateOpen)
		g.logger.WarnContext(ctx, "Breaker opened", "dependency", g.name, "retry_in", g.breaker.RemainingDelay().String())
	case circuitbreaker.HalfOpenState:
		g.observer.BreakerChanged(ctx, StateHalfOpen)
		g.logger.InfoContext(ctx, "Breaker half-opened", "dependency", g.name)
	default:
		g.observer.BreakerChanged(ctx, StateClosed)
		g.logger.InfoContext(ctx, "Breaker closed", "dependency", g.name)
	}
}
