package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const (
	addOrder = `WITH placed AS (
    INSERT INTO orders (id, customer_id, status, items, total_cents, created_at) VALUES ($1, $2, $3, $4, $5, $6)
) ` + addEvent
	addKeyedOrder = `WITH claimed AS (
    INSERT INTO idempotency_keys (key, fingerprint, order_id, expires_at) VALUES ($7, $8, $1, $9)
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, order_id = excluded.order_id, expires_at = excluded.expires_at
    WHERE idempotency_keys.expires_at <= $10
    RETURNING key
), placed AS (
    INSERT INTO orders (id, customer_id, status, items, total_cents, created_at)
    SELECT $1::uuid, $2::text, $3::text, $4::jsonb, $5::bigint, $6::timestamptz FROM claimed
) ` + addKeyedEvent
	selectOrder = `SELECT id::text, customer_id, status, items, total_cents, created_at FROM orders`
	findOrder   = selectOrder + ` WHERE id = $1`
	firstPage   = selectOrder + ` ORDER BY id DESC LIMIT $1`
	nextPage    = selectOrder + ` WHERE id < $2 ORDER BY id DESC LIMIT $1`
	readKey     = `SELECT key.fingerprint, placed.id::text, customer_id, status, items, total_cents, created_at
FROM idempotency_keys AS key JOIN orders AS placed ON placed.id = key.order_id WHERE key.key = $1`

	claims = 3
)

var errKeyGone = errors.New("idempotency key expired while it was read")

type itemRow struct {
	SKU            string `json:"sku"`
	Quantity       int64  `json:"quantity"`
	UnitPriceCents int64  `json:"unit_price_cents"`
}

// Add is one statement, so that the order, its event and its key are written in one round trip, together or not at all.
func (s *Store) Add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	stored, replayed, err := s.add(ctx, placement)
	if err != nil {
		return order.Order{}, false, fmt.Errorf("add order %s: %w", placement.Order.ID(), classify(err))
	}
	return stored, replayed, nil
}

func (s *Store) add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	placed, err := columns(placement.Order)
	if err != nil {
		return order.Order{}, false, err
	}
	event, err := eventColumns(ctx, placement.Event)
	if err != nil {
		return order.Order{}, false, fmt.Errorf("fill outbox: %w", err)
	}
	if placement.Key == nil {
		_, err := s.insert(ctx, addOrder, append(placed, event...))
		return placement.Order, false, err
	}
	key := *placement.Key
	arguments := slices.Concat(placed, []any{key.Key, key.Fingerprint[:], key.ExpiresAt, key.Now}, event)
	for range claims {
		written, err := s.insert(ctx, addKeyedOrder, arguments)
		if err != nil || written {
			return placement.Order, false, err
		}
		first, err := s.replay(ctx, key)
		if !notFound(err) {
			return first, true, err
		}
	}
	return order.Order{}, false, fmt.Errorf("%w: %w", failure.ErrUnavailable, errKeyGone)
}

func (s *Store) insert(ctx context.Context, statement string, arguments []any) (bool, error) {
	done, err := s.pool.Exec(ctx, statement, arguments...)
	if hasCode(err, uniqueViolation) {
		return false, failure.ErrDuplicate
	}
	if err != nil {
		return false, fmt.Errorf("insert order: %w", err)
	}
	return done.RowsAffected() == 1, nil
}

func (s *Store) replay(ctx context.Context, key order.IdempotencyKey) (order.Order, error) {
	var fingerprint []byte
	var found orderRow
	err := s.pool.QueryRow(ctx, readKey, key.Key).Scan(append([]any{&fingerprint}, found.targets()...)...)
	if err != nil {
		return order.Order{}, fmt.Errorf("read idempotency key: %w", err)
	}
	if !bytes.Equal(fingerprint, key.Fingerprint[:]) {
		return order.Order{}, order.ErrIdempotencyConflict
	}
	return found.toDomain()
}

func columns(placed order.Order) ([]any, error) {
	state := placed.Snapshot()
	rows := make([]itemRow, 0, len(state.Items))
	for _, item := range state.Items {
		rows = append(rows, itemRow(item))
	}
	items, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("encode items: %w", err)
	}
	return []any{string(state.ID), state.CustomerID, string(state.Status), items, state.TotalCents, state.CreatedAt}, nil
}

func (s *Store) Find(ctx context.Context, id order.ID) (order.Order, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var found orderRow
	err := s.pool.QueryRow(ctx, findOrder, string(id)).Scan(found.targets()...)
	if notFound(err) {
		return order.Order{}, order.ErrNotFound
	}
	if err != nil {
		return order.Order{}, fmt.Errorf("find order: %w", classify(err))
	}
	return found.toDomain()
}

func (s *Store) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	query, arguments := firstPage, []any{page.Limit}
	if page.After != "" {
		query, arguments = nextPage, []any{page.Limit, string(page.After)}
	}
	rows, err := s.pool.Query(ctx, query, arguments...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", classify(err))
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (order.Order, error) {
		var one orderRow
		if err := row.Scan(one.targets()...); err != nil {
			return order.Order{}, fmt.Errorf("read order: %w", err)
		}
		return one.toDomain()
	})
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", classify(err))
	}
	return found, nil
}

type orderRow struct {
	id, customer, status string
	items                []byte
	total                int64
	createdAt            time.Time
}

func (r *orderRow) targets() []any {
	return []any{&r.id, &r.customer, &r.status, &r.items, &r.total, &r.createdAt}
}

func (r *orderRow) toDomain() (order.Order, error) {
	var rows []itemRow
	if err := json.Unmarshal(r.items, &rows); err != nil {
		return order.Order{}, fmt.Errorf("read items of order %s: %w", r.id, err)
	}
	state := order.Snapshot{
		ID:         order.ID(r.id),
		CustomerID: r.customer,
		Status:     order.Status(r.status),
		Items:      make([]order.Item, 0, len(rows)),
		TotalCents: r.total,
		CreatedAt:  r.createdAt,
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
