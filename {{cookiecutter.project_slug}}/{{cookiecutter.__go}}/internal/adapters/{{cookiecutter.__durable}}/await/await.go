// Package await waits for a server that comes up.
package await

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const (
	firstPause   = 250 * time.Millisecond
	slowestPause = 4 * time.Second
)

// ErrFinal is what another attempt cannot mend, such as an address that cannot be read.
var ErrFinal = errors.New("waiting is of no use")

// Connection asks ping again, with pauses that grow, until it succeeds, says ErrFinal or the limit has passed. After the
// limit the error is failure.ErrUnavailable.
func Connection(ctx context.Context, limit time.Duration, ping func(ctx context.Context) error, logger *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := ping(ctx)
		if err == nil || errors.Is(err, ErrFinal) {
			return err
		}
		wait := pause/2 + rand.N(pause/2) //nolint:gosec // jitter needs no secrecy
		logger.WarnContext(ctx, "Failed to connect to database", "error", err, "attempt", attempt, "retry_in", wait.String())
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect, %d attempts: %w", attempt, errors.Join(failure.ErrUnavailable, ctx.Err(), err))
		case <-time.After(wait):
		}
		pause = min(pause*2, slowestPause)
	}
}
