package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
)

const (
	acquireLease = `INSERT INTO outbox_lease (owner, fence, ends_at) VALUES ($1, 1, clock_timestamp() + $2)
ON CONFLICT (single) DO UPDATE SET
    fence = outbox_lease.fence + CASE WHEN outbox_lease.ends_at > clock_timestamp() THEN 0 ELSE 1 END,
    owner = excluded.owner,
    ends_at = clock_timestamp() + $2
WHERE outbox_lease.owner = excluded.owner OR outbox_lease.ends_at <= clock_timestamp()
RETURNING fence`
	releaseLease = `UPDATE outbox_lease SET owner = '', ends_at = '-infinity' WHERE owner = $1 AND fence = $2`
	heldLease    = `WITH held AS (SELECT 1 FROM outbox_lease WHERE owner = $1 AND fence = $2 FOR SHARE), `
	markMessages = heldLease + `done AS (DELETE FROM outbox WHERE event_id = ANY($3::uuid[]) AND EXISTS (SELECT FROM held))
SELECT count(*) FROM held`
	parkMessage = heldLease + `done AS (
    UPDATE outbox SET parked_at = now(), last_error = $4 WHERE event_id = $3 AND parked_at IS NULL AND EXISTS (SELECT FROM held))
SELECT count(*) FROM held`
	nextMessages = `SELECT event_id::text, traceparent, payload FROM outbox WHERE parked_at IS NULL ORDER BY position LIMIT $1`
	countBacklog = `SELECT count(*), greatest(coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0), 0)::float8
FROM outbox WHERE parked_at IS NULL`
)

func (s *Store) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	lease := outbox.Lease{Owner: owner}
	err := s.pool.QueryRow(ctx, acquireLease, owner, ttl).Scan(&lease.Fence)
	if notFound(err) {
		return outbox.Lease{}, false, nil
	}
	if err != nil {
		return outbox.Lease{}, false, fmt.Errorf("acquire lease: %w", classify(err))
	}
	return lease, true, nil
}

func (s *Store) ReleaseLease(ctx context.Context, lease outbox.Lease) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, releaseLease, lease.Owner, lease.Fence); err != nil {
		return fmt.Errorf("release lease: %w", classify(err))
	}
	return nil
}

func (s *Store) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, nextMessages, limit)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", classify(err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[outbox.Message])
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", classify(err))
	}
	return found, nil
}

func (s *Store) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	return s.settle(ctx, lease, markMessages, ids)
}

func (s *Store) ParkMessage(ctx context.Context, lease outbox.Lease, id, reason string) error {
	return s.settle(ctx, lease, parkMessage, id, reason)
}

func (s *Store) settle(ctx context.Context, lease outbox.Lease, statement string, arguments ...any) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var held int
	err := s.pool.QueryRow(ctx, statement, append([]any{lease.Owner, lease.Fence}, arguments...)...).Scan(&held)
	if err != nil {
		return fmt.Errorf("settle messages: %w", classify(err))
	}
	if held == 0 {
		return fmt.Errorf("settle messages as %s: %w", lease.Owner, outbox.ErrLeaseLost)
	}
	return nil
}

func (s *Store) Backlog(ctx context.Context) (outbox.Backlog, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var backlog outbox.Backlog
	var seconds float64
	if err := s.pool.QueryRow(ctx, countBacklog).Scan(&backlog.Pending, &seconds); err != nil {
		return outbox.Backlog{}, fmt.Errorf("count outbox: %w", classify(err))
	}
	backlog.Oldest = time.Duration(seconds * float64(time.Second))
	return backlog, nil
}
