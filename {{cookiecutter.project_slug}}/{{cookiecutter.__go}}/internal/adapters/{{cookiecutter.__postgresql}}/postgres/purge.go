package postgres

import (
	"context"
	"fmt"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
)

const (
	purgeKeys = `DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`
	purgeEvents = `DELETE FROM processed_events WHERE event_id IN (
    SELECT event_id FROM processed_events WHERE processed_at < $1 ORDER BY processed_at LIMIT $2 FOR UPDATE SKIP LOCKED)`
)

func (s *Store) Purge(ctx context.Context, now, horizon time.Time, limit int) (retention.Purged, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var purged retention.Purged
	var err error
	if purged.Keys, err = s.purge(ctx, purgeKeys, now, limit); err != nil {
		return purged, fmt.Errorf("purge idempotency keys: %w", err)
	}
	if purged.Events, err = s.purge(ctx, purgeEvents, horizon, limit); err != nil {
		return purged, fmt.Errorf("purge processed events: %w", err)
	}
	return purged, nil
}

func (s *Store) purge(ctx context.Context, statement string, until time.Time, limit int) (int64, error) {
	done, err := s.pool.Exec(ctx, statement, until, limit)
	if err != nil {
		return 0, classify(err)
	}
	return done.RowsAffected(), nil
}
