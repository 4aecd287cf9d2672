package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	claimKey = `INSERT INTO idempotency_keys (key, fingerprint, order_id, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, order_id = excluded.order_id, expires_at = excluded.expires_at
WHERE idempotency_keys.expires_at <= $5`
	readKey     = `SELECT fingerprint, order_id::text FROM idempotency_keys WHERE key = $1`
	insertOrder = `INSERT INTO orders (id, customer_id, status, items, total_cents, created_at) VALUES ($1, $2, $3, $4, $5, $6)`
	insertEvent = `INSERT INTO outbox (event_id, payload) VALUES ($1, $2)`
	selectOrder = `SELECT id::text, customer_id, status, items, total_cents, created_at FROM orders`
	findOrder   = selectOrder + ` WHERE id = $1`
	firstPage   = selectOrder + ` ORDER BY id DESC LIMIT $1`
	nextPage    = selectOrder + ` WHERE id < $2 ORDER BY id DESC LIMIT $1`
)

type itemRow struct {
	SKU            string `json:"sku"`
	Quantity       int64  `json:"quantity"`
	UnitPriceCents int64  `json:"unit_price_cents"`
}

func (s *Store) Add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var stored order.Order
	var replayed bool
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if placement.Key != nil {
			claimed, err := claim(ctx, tx, placement.Order.ID(), *placement.Key)
			if err != nil {
				return err
			}
			if !claimed {
				stored, err = replay(ctx, tx, *placement.Key)
				replayed = true
				return err
			}
		}
		stored = placement.Order
		return insert(ctx, tx, placement)
	})
	if err != nil {
		return order.Order{}, false, fmt.Errorf("add order %s: %w", placement.Order.ID(), err)
	}
	return stored, replayed, nil
}

func claim(ctx context.Context, tx pgx.Tx, id order.ID, key order.IdempotencyKey) (bool, error) {
	done, err := tx.Exec(ctx, claimKey, key.Key, key.Fingerprint[:], string(id), key.ExpiresAt, key.Now)
	if err != nil {
		return false, fmt.Errorf("claim idempotency key: %w", err)
	}
	return done.RowsAffected() == 1, nil
}

func replay(ctx context.Context, tx pgx.Tx, key order.IdempotencyKey) (order.Order, error) {
	var fingerprint []byte
	var id string
	if err := tx.QueryRow(ctx, readKey, key.Key).Scan(&fingerprint, &id); err != nil {
		return order.Order{}, fmt.Errorf("read idempotency key: %w", err)
	}
	if !bytes.Equal(fingerprint, key.Fingerprint[:]) {
		return order.Order{}, order.ErrIdempotencyConflict
	}
	return toDomain(tx.QueryRow(ctx, findOrder, id))
}

func insert(ctx context.Context, tx pgx.Tx, placement order.Placement) error {
	state := placement.Order.Snapshot()
	rows := make([]itemRow, 0, len(state.Items))
	for _, item := range state.Items {
		rows = append(rows, itemRow(item))
	}
	items, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode items: %w", err)
	}
	_, err = tx.Exec(ctx, insertOrder, string(state.ID), state.CustomerID, string(state.Status), items, state.TotalCents, state.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert order: %w", err)
	}
	payload, err := events.EncodePlaced(placement.Event)
	if err != nil {
		return fmt.Errorf("fill outbox: %w", err)
	}
	if _, err := tx.Exec(ctx, insertEvent, string(placement.Event.EventID), payload); err != nil {
		return fmt.Errorf("fill outbox: %w", err)
	}
	return nil
}

func (s *Store) Find(ctx context.Context, id order.ID) (order.Order, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	return toDomain(s.pool.QueryRow(ctx, findOrder, string(id)))
}

func (s *Store) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	query, args := firstPage, []any{page.Limit}
	if page.After != "" {
		query, args = nextPage, []any{page.Limit, string(page.After)}
	}
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (order.Order, error) { return toDomain(row) })
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return found, nil
}

func toDomain(row pgx.Row) (order.Order, error) {
	var id, customer, status string
	var items []byte
	var total int64
	var createdAt time.Time
	err := row.Scan(&id, &customer, &status, &items, &total, &createdAt)
	if notFound(err) {
		return order.Order{}, order.ErrNotFound
	}
	if err != nil {
		return order.Order{}, fmt.Errorf("read order: %w", err)
	}
	var rows []itemRow
	if err := json.Unmarshal(items, &rows); err != nil {
		return order.Order{}, fmt.Errorf("read items of order %s: %w", id, err)
	}
	state := order.Snapshot{
		ID:         order.ID(id),
		CustomerID: customer,
		Status:     order.Status(status),
		TotalCents: total,
		CreatedAt:  createdAt,
	}
	for _, one := range rows {
		state.Items = append(state.Items, order.Item(one))
	}
	restored, err := order.Restore(state)
	if err != nil {
		return order.Order{}, fmt.Errorf("read order: %w", err)
	}
	return restored, nil
}
