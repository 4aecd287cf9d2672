package resilience

import (
	"errors"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

var errInjected = errors.New("fault injected on purpose")

// UnavailableError tells which dependency did not do the work, why, and when another call is worth its while.
type UnavailableError struct {
	Dependency string
	Reason     string
	After      time.Duration
	Cause      error
}

func (e *UnavailableError) Error() string {
	text := e.Dependency + " unavailable: " + e.Reason
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *UnavailableError) Is(target error) bool {
	return target == failure.ErrUnavailable
}

func (e *UnavailableError) Unwrap() error {
	return e.Cause
}

func (e *UnavailableError) RetryAfter() time.Duration {
	return e.After
}

func worthAnotherAttempt(err error) bool {
	unavailable, ok := errors.AsType[*UnavailableError](err)
	return ok && (unavailable.Reason == ResultFailed || unavailable.Reason == ResultTimeout)
}
