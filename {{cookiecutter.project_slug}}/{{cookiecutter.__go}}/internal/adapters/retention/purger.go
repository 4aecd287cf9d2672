package retention

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

const (
	purgeBatch   = 1000
	purgeBatches = 100
	purgeTimeout = 10 * time.Second
)

type Purged struct {
	Keys   int64
	Events int64
}

// Records are what a store keeps for a time. Purge forgets idempotency keys that expired by now and marks of events that
// were projected before horizon, at most limit of each in one call.
type Records interface {
	Purge(ctx context.Context, now, horizon time.Time, limit int) (Purged, error)
}

// Purger forgets what has served its time, in small steps. Keep is how long the mark of a projected event outlives the
// projection: an event that is delivered again later than that would be counted again.
type Purger struct {
	Records Records
	Logger  *slog.Logger
	Clock   func() time.Time
	Every   time.Duration
	Keep    time.Duration
}

func (p *Purger) Run(ctx context.Context) error {
	ticker := time.NewTicker(p.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		purged, err := p.Purge(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			p.Logger.ErrorContext(ctx, "Failed to purge records", "error", err, "retry_in", p.Every.String())
		case purged != Purged{}:
			p.Logger.InfoContext(ctx, "Records purged", "keys", purged.Keys, "events", purged.Events)
		}
	}
}

// Purge takes one batch after the other until nothing is left, or until it has taken its share of this round.
func (p *Purger) Purge(ctx context.Context) (Purged, error) {
	var total Purged
	now := p.Clock()
	for range purgeBatches {
		purged, err := p.batch(ctx, now)
		total.Keys += purged.Keys
		total.Events += purged.Events
		if err != nil || purged.Keys < purgeBatch && purged.Events < purgeBatch {
			return total, err
		}
	}
	return total, nil
}

func (p *Purger) batch(ctx context.Context, now time.Time) (Purged, error) {
	ctx, cancel := context.WithTimeout(ctx, purgeTimeout)
	defer cancel()
	purged, err := p.Records.Purge(ctx, now, now.Add(-p.Keep), purgeBatch)
	if err != nil {
		return purged, fmt.Errorf("purge records: %w", err)
	}
	return purged, nil
}
