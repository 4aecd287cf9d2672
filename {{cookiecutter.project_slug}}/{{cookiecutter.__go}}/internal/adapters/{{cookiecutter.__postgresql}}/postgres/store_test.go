package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

func TestIntegrationAnUnreadableEventIsParked(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	store, direct := open(t, settings), connect(t, settings.URL)
	execute(t, direct, `INSERT INTO outbox (event_id, payload) VALUES ($1, '{"event_type":"unknown"}')`, string(order.NewID(time.Now())))

	batch, err := store.Take(t.Context(), 10, func(context.Context, order.Placed, app.Summaries) error { return nil })

	if err != nil || batch.Parked != 1 {
		t.Errorf("got %+v, %v; want one parked", batch, err)
	}
	if pending, err := store.Pending(t.Context()); err != nil || pending != 0 {
		t.Errorf("%d pending, %v; want none", pending, err)
	}
}

func TestIntegrationTheSessionStatesItsLimits(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	settings.Application = "store-limits"
	settings.Timeout, settings.LockTimeout, settings.IdleTimeout = 7*time.Second, 3*time.Second, 11*time.Second
	open(t, settings)
	direct := connect(t, settings.URL)
	var sessions int

	err := direct.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'store-limits'`).Scan(&sessions)

	if err != nil || sessions == 0 {
		t.Errorf("%d sessions carry the name, %v", sessions, err)
	}
	for name, want := range map[string]string{
		"application_name": "store-limits", "statement_timeout": "7s", "lock_timeout": "3s",
		"idle_in_transaction_session_timeout": "11s", "default_transaction_isolation": "read committed",
	} {
		if got := postgres.Show(t, settings, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestIntegrationALockThatIsHeldIsToldAsUnavailable(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	settings.LockTimeout = 50 * time.Millisecond
	store, direct := open(t, settings), connect(t, settings.URL)
	execute(t, direct, "BEGIN")
	execute(t, direct, "LOCK TABLE orders")

	_, _, err := store.Add(t.Context(), placement(t, time.Now()))

	if !errors.Is(err, failure.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}

func TestIntegrationAStatementThatTakesTooLongIsADeadline(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	settings.Timeout, settings.LockTimeout = time.Second, time.Minute
	store, direct := open(t, settings), connect(t, settings.URL)
	execute(t, direct, "BEGIN")
	execute(t, direct, "LOCK TABLE orders")

	_, err := store.List(t.Context(), order.Page{Limit: 1})

	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a deadline", err)
	}
}

func TestIntegrationAKilledSessionIsToldAsUnavailable(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	settings.Application = "store-" + string(order.NewID(time.Now()))
	store, direct := open(t, settings), connect(t, settings.URL)
	end := func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		_, errEnd := direct.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, settings.Application)
		_, err := summaries.Apply(ctx, event)
		return errors.Join(errEnd, err)
	}
	if _, _, err := store.Add(t.Context(), placement(t, time.Now())); err != nil {
		t.Fatal(err)
	}

	_, err := store.Take(t.Context(), 10, end)

	if !errors.Is(err, failure.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	if pending, err := store.Pending(t.Context()); err != nil || pending != 1 {
		t.Errorf("%d pending, %v; want the event back", pending, err)
	}
}

func TestIntegrationTheSchemaHoldsTheRulesOfTheDomain(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	const insert = `INSERT INTO orders (id, customer_id, status, items, total_cents, created_at) VALUES (gen_random_uuid(), $1, $2, $3, $4, now())`
	const item = `[{"sku":"KEEL-1","quantity":2,"unit_price_cents":50}]`
	tests := map[string]struct {
		statement  string
		arguments  []any
		constraint string
	}{
		"a sound order":        {insert, []any{"c-1", "placed", item, 100}, ""},
		"a wrong total":        {insert, []any{"c-1", "placed", item, 99}, "orders_total"},
		"no customer":          {insert, []any{"", "placed", item, 100}, "orders_customer_id"},
		"an unknown status":    {insert, []any{"c-1", "lost", item, 100}, "orders_status"},
		"no items":             {insert, []any{"c-1", "placed", `[]`, 0}, "orders_items"},
		"a quantity of zero":   {insert, []any{"c-1", "placed", `[{"sku":"A","quantity":0,"unit_price_cents":50}]`, 0}, "orders_items"},
		"a negative price":     {insert, []any{"c-1", "placed", `[{"sku":"A","quantity":1,"unit_price_cents":-5}]`, -5}, "orders_items"},
		"an article twice":     {insert, []any{"c-1", "placed", `[{"sku":"A","quantity":1,"unit_price_cents":5},{"sku":"A","quantity":1,"unit_price_cents":5}]`, 10}, "orders_items"},
		"an article unnamed":   {insert, []any{"c-1", "placed", `[{"quantity":1,"unit_price_cents":5}]`, 5}, "orders_items"},
		"a short fingerprint":  {`INSERT INTO idempotency_keys VALUES ('k', '\x00', gen_random_uuid(), now())`, nil, "idempotency_keys_fingerprint"},
		"a key of nothing":     {`INSERT INTO idempotency_keys VALUES ('k', decode(repeat('00', 32), 'hex'), gen_random_uuid(), now())`, nil, "idempotency_keys_order_id_fkey"},
		"an event of no shape": {`INSERT INTO outbox (event_id, payload) VALUES (gen_random_uuid(), '[]')`, nil, "outbox_payload"},
		"parked for no reason": {`INSERT INTO outbox (event_id, payload, parked_at) VALUES (gen_random_uuid(), '{}', now())`, nil, "outbox_parked"},
		"a day below zero":     {`INSERT INTO daily_summaries VALUES ('2026-11-20', 1, -1)`, nil, "daily_summaries_revenue"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := connect(t, settings.URL)

			_, err := direct.Exec(t.Context(), test.statement, test.arguments...)

			refused, _ := errors.AsType[*pgconn.PgError](err)
			if test.constraint == "" && err != nil || test.constraint != "" && (refused == nil || refused.ConstraintName != test.constraint) {
				t.Errorf("got %v, want %q to refuse", err, test.constraint)
			}
		})
	}
}

func TestIntegrationOpenWaitsForADatabaseThatComesUp(t *testing.T) {
	t.Parallel()
	proxy, settings := through(t, migrated(t))
	proxy.Refuse()
	opened := make(chan error, 1)

	go func() {
		store, err := postgres.Open(t.Context(), settings, discard())
		if err == nil {
			err = store.Close(t.Context())
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Errorf("open did not wait: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	proxy.Heal()

	if err := <-opened; err != nil {
		t.Errorf("open: %v", err)
	}
}

func TestIntegrationThePoolTellsItsConnections(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	store := open(t, settings)

	err := store.Ping(t.Context())
	connections := store.Connections()

	if err != nil || connections.Max != int64(settings.MaxConns) || connections.Idle < 1 || connections.Used != 0 {
		t.Errorf("got %+v, %v", connections, err)
	}
}

func TestOpenGivesUpAndHidesThePassword(t *testing.T) {
	t.Parallel()
	settings := settingsOf("postgres://user:hunter2@127.0.0.1:" + freePort(t) + "/none")
	settings.StartTimeout = 300 * time.Millisecond

	_, err := postgres.Open(t.Context(), settings, discard())

	if !errors.Is(err, failure.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func placement(tb testing.TB, at time.Time) order.Placement {
	tb.Helper()
	item := order.Item{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250}
	placed, event, err := order.Place(order.NewID(at), order.Draft{CustomerID: "c-1", Items: []order.Item{item}}, at)
	if err != nil {
		tb.Fatalf("place: %v", err)
	}
	return order.Placement{Order: placed, Event: event}
}

func BenchmarkIntegrationAdd(b *testing.B) {
	store := open(b, migrated(b))
	for name, keyed := range map[string]bool{"plain": false, "keyed": true} {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(each *testing.PB) {
				for each.Next() {
					now := time.Now()
					made := placement(b, now)
					if keyed {
						made.Key = &order.IdempotencyKey{
							Key: string(made.Order.ID()), Fingerprint: sha256.Sum256(nil), Now: now, ExpiresAt: now.Add(time.Hour),
						}
					}
					if _, _, err := store.Add(b.Context(), made); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}
