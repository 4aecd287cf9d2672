package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

var oneMigrationAtATime sync.Mutex

func discard() *slog.Logger {
	return slog.New(slog.DiscardHandler)
}

// schema gives a test a new schema of the server in TEST_DATABASE_URL and drops it afterwards. Nothing else is touched,
// and DATABASE_URL is never read.
func schema(t *testing.T) postgres.Settings {
	t.Helper()
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		t.Skip("TEST_DATABASE_URL is not set: give it the URL of a PostgreSQL server, then make test-integration")
	}
	name := "test_" + strings.ReplaceAll(string(order.NewID(time.Now())), "-", "")
	admin, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	if _, err := admin.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatalf("create schema: %v", err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if _, err := admin.Exec(ctx, fmt.Sprintf("DROP SCHEMA %s CASCADE", name)); err != nil {
			t.Errorf("drop schema: %v", err)
		}
		admin.Close(ctx)
	})
	parsed, err := url.Parse(server)
	if err != nil {
		t.Fatalf("parse TEST_DATABASE_URL: %v", err)
	}
	query := parsed.Query()
	query.Set("search_path", name)
	parsed.RawQuery = query.Encode()
	return postgres.Settings{URL: parsed.String(), MaxConns: 8, Timeout: 10 * time.Second}
}

func migrated(t *testing.T) postgres.Settings {
	t.Helper()
	settings := schema(t)
	oneMigrationAtATime.Lock()
	defer oneMigrationAtATime.Unlock()
	if _, err := postgres.Migrate(t.Context(), settings, "up"); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return settings
}

func open(t *testing.T, settings postgres.Settings) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), settings, discard())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

func TestIntegrationStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(t *testing.T) contract.Store {
		t.Helper()
		return open(t, migrated(t))
	})
}

func TestIntegrationOpenRefusesAnOldSchema(t *testing.T) {
	t.Parallel()
	settings := schema(t)

	_, err := postgres.Open(t.Context(), settings, discard())

	if !errors.Is(err, postgres.ErrSchemaBehind) {
		t.Errorf("got %v, want a schema that is behind", err)
	}
}

func TestIntegrationMigrateIsRepeatable(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	oneMigrationAtATime.Lock()
	defer oneMigrationAtATime.Unlock()

	report, errUp := postgres.Migrate(t.Context(), settings, "up")
	_, errStatus := postgres.Migrate(t.Context(), settings, "status")

	if err := errors.Join(errUp, errStatus); err != nil {
		t.Fatalf("migrate again: %v", err)
	}
	for name, state := range report {
		if state != "applied" {
			t.Errorf("%s is %s", name, state)
		}
	}
}

func TestIntegrationAnUnreadableEventIsParked(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	store := open(t, settings)
	direct, err := pgx.Connect(t.Context(), settings.URL)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer direct.Close(t.Context())
	_, err = direct.Exec(t.Context(), `INSERT INTO outbox (event_id, payload) VALUES ($1, '{"event_type":"unknown"}')`, string(order.NewID(time.Now())))
	if err != nil {
		t.Fatalf("insert: %v", err)
	}

	batch, err := store.Take(t.Context(), 10, func(context.Context, order.Placed, app.Summaries) error { return nil })

	if err != nil || batch.Parked != 1 {
		t.Errorf("got %+v, %v; want one parked", batch, err)
	}
	if pending, err := store.Pending(t.Context()); err != nil || pending != 0 {
		t.Errorf("%d pending, %v; want none", pending, err)
	}
}

func TestOpenGivesUpAndHidesThePassword(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	settings := postgres.Settings{URL: "postgres://user:hunter2@127.0.0.1:1/none", MaxConns: 2, Timeout: time.Second}

	_, err := postgres.Open(ctx, settings, discard())

	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}
