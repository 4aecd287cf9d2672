package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	takeEvents  = `SELECT position, payload FROM outbox WHERE parked_at IS NULL ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED`
	dropEvents  = `DELETE FROM outbox WHERE position = ANY($1)`
	parkEvent   = `UPDATE outbox SET parked_at = now(), last_error = $2 WHERE position = $1`
	countEvents = `SELECT count(*) FROM outbox WHERE parked_at IS NULL`
)

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
		if len(messages) == 0 {
			return nil
		}
		batch.Parked, err = projectAll(ctx, tx, messages, project)
		return err
	})
	if err != nil {
		return app.Batch{}, fmt.Errorf("take events: %w", classify(err))
	}
	return batch, nil
}

func projectAll(ctx context.Context, tx pgx.Tx, messages []waiting, project app.Projection) (int, error) {
	sums := newUnit(tx)
	done := make([]int64, 0, len(messages))
	for _, message := range messages {
		event, unreadable := events.DecodePlaced(message.Payload)
		if unreadable != nil {
			if _, err := tx.Exec(ctx, parkEvent, message.Position, unreadable.Error()); err != nil {
				return 0, fmt.Errorf("park event: %w", err)
			}
			continue
		}
		if err := project(ctx, event, sums); err != nil {
			return 0, err
		}
		done = append(done, message.Position)
	}
	if err := sums.flush(ctx); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, dropEvents, done); err != nil {
		return 0, fmt.Errorf("empty outbox: %w", err)
	}
	return len(messages) - len(done), nil
}

func (s *Store) Pending(ctx context.Context) (int64, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var count int64
	if err := s.pool.QueryRow(ctx, countEvents).Scan(&count); err != nil {
		return 0, fmt.Errorf("count outbox: %w", classify(err))
	}
	return count, nil
}

func (s *Store) Apply(ctx context.Context, event order.Placed) (bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var counted bool
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		sums := newUnit(tx)
		var err error
		if counted, err = sums.Apply(ctx, event); err != nil {
			return err
		}
		return sums.flush(ctx)
	})
	if err != nil {
		return false, fmt.Errorf("apply event: %w", classify(err))
	}
	return counted, nil
}

func (s *Store) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	summary, err := daily(ctx, s.pool, day)
	if err != nil {
		return order.DailySummary{}, fmt.Errorf("summarise day: %w", classify(err))
	}
	return summary, nil
}

func date(day order.Day) time.Time {
	at, _ := time.Parse(time.DateOnly, string(day))
	return at
}
