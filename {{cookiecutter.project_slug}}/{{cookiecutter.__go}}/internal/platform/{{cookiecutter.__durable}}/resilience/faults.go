package resilience

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Faults make a dependency misbehave in a drill. Failures and Slow are shares of the attempts, from 0 to 1.
type Faults struct {
	Failures float64
	Slow     float64
	Delay    time.Duration
}

func (f Faults) Any() bool {
	return f.Failures > 0 || f.Slow > 0
}

func (f Faults) strike(ctx context.Context) error {
	if happens(f.Slow) {
		select {
		case <-time.After(f.Delay):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errInjected, ctx.Err())
		}
	}
	if happens(f.Failures) {
		return errInjected
	}
	return nil
}

func happens(share float64) bool {
	return share > 0 && rand.Float64() < share //nolint:gosec // a drill needs no secrecy
}
