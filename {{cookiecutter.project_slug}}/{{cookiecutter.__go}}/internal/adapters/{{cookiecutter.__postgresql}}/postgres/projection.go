package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	takeEvents  = `SELECT position, payload FROM outbox WHERE parked_at IS NULL ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED`
	dropEvents  = `DELETE FROM outbox WHERE position = ANY($1)`
	parkEvent   = `UPDATE outbox SET parked_at = now(), last_error = $2 WHERE position = $1`
	countEvents = `SELECT count(*) FROM outbox WHERE parked_at IS NULL`
	markEvent   = `INSERT INTO processed_events (event_id) VALUES ($1) ON CONFLICT (event_id) DO NOTHING`
	addToDay    = `INSERT INTO daily_summaries (day, orders, revenue_cents) VALUES ($1, 1, $2)
ON CONFLICT (day) DO UPDATE SET orders = daily_summaries.orders + 1, revenue_cents = daily_summaries.revenue_cents + excluded.revenue_cents`
	readDay = `SELECT orders, revenue_cents FROM daily_summaries WHERE day = $1`
)

type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

type summaries struct {
	querier querier
}

type waiting struct {
	Position int64
	Payload  []byte
}

func (s *Store) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var batch app.Batch
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, takeEvents, limit)
		if err != nil {
			return fmt.Errorf("read outbox: %w", err)
		}
		messages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[waiting])
		if err != nil {
			return fmt.Errorf("read outbox: %w", err)
		}
		batch.Taken = len(messages)
		return projectAll(ctx, tx, messages, project, &batch)
	})
	if err != nil {
		return app.Batch{}, fmt.Errorf("take events: %w", err)
	}
	return batch, nil
}

func projectAll(ctx context.Context, tx pgx.Tx, messages []waiting, project app.Projection, batch *app.Batch) error {
	done := make([]int64, 0, len(messages))
	for _, message := range messages {
		event, unreadable := events.DecodePlaced(message.Payload)
		if unreadable != nil {
			if _, err := tx.Exec(ctx, parkEvent, message.Position, unreadable.Error()); err != nil {
				return fmt.Errorf("park event: %w", err)
			}
			batch.Parked++
			continue
		}
		if err := project(ctx, event, summaries{tx}); err != nil {
			return err
		}
		done = append(done, message.Position)
	}
	if _, err := tx.Exec(ctx, dropEvents, done); err != nil {
		return fmt.Errorf("empty outbox: %w", err)
	}
	return nil
}

func (s *Store) Pending(ctx context.Context) (int64, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var count int64
	if err := s.pool.QueryRow(ctx, countEvents).Scan(&count); err != nil {
		return 0, fmt.Errorf("count outbox: %w", err)
	}
	return count, nil
}

func (s *Store) Apply(ctx context.Context, event order.Placed) (bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var counted bool
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var err error
		counted, err = summaries{tx}.Apply(ctx, event)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("apply event: %w", err)
	}
	return counted, nil
}

func (s *Store) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	return summaries{s.pool}.Daily(ctx, day)
}

func (s summaries) Apply(ctx context.Context, event order.Placed) (bool, error) {
	marked, err := s.querier.Exec(ctx, markEvent, string(event.EventID))
	if err != nil {
		return false, fmt.Errorf("mark event: %w", err)
	}
	if marked.RowsAffected() == 0 {
		return false, nil
	}
	if _, err := s.querier.Exec(ctx, addToDay, date(event.Day()), event.TotalCents); err != nil {
		return false, fmt.Errorf("add to day: %w", err)
	}
	return true, nil
}

func (s summaries) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	summary := order.DailySummary{Day: day}
	err := s.querier.QueryRow(ctx, readDay, date(day)).Scan(&summary.Orders, &summary.RevenueCents)
	if err != nil && !notFound(err) {
		return order.DailySummary{}, fmt.Errorf("read day: %w", err)
	}
	return summary, nil
}

func date(day order.Day) time.Time {
	at, _ := time.Parse(time.DateOnly, string(day))
	return at
}
