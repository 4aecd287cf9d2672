package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"{{ cookiecutter.__go_module }}/internal/adapters/await"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

// Settings says how to reach the database and how long it may take. Timeout is for one call of the store, and for one
// statement in the server; LockTimeout for one lock; IdleTimeout for a transaction in which nothing happens; StartTimeout
// for the first connection of a process.
type Settings struct {
	URL          string
	Application  string
	MaxConns     int32
	Timeout      time.Duration
	LockTimeout  time.Duration
	IdleTimeout  time.Duration
	StartTimeout time.Duration
}

type Store struct {
	pool    *pgxpool.Pool
	timeout time.Duration
}

// Open waits for the database as long as the settings allow, and refuses a schema that this build cannot work with.
func Open(ctx context.Context, settings Settings, logger *slog.Logger) (*Store, error) {
	config, err := pgxpool.ParseConfig(settings.URL)
	if err != nil {
		return nil, fmt.Errorf("parse DATABASE_URL: %w", err)
	}
	config.MaxConns = settings.MaxConns
	settings.apply(config.ConnConfig, settings.Timeout)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("create pool: %w", err)
	}
	store := &Store{pool: pool, timeout: settings.Timeout}
	if err := await.Connection(ctx, settings.StartTimeout, store.Ping, logger); err != nil {
		pool.Close()
		return nil, err
	}
	if err := store.requireSchema(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return store, nil
}

func (s Settings) apply(config *pgx.ConnConfig, statement time.Duration) {
	config.ConnectTimeout = s.Timeout
	parameters := config.RuntimeParams
	parameters["application_name"] = s.Application
	parameters["statement_timeout"] = milliseconds(statement)
	parameters["lock_timeout"] = milliseconds(s.LockTimeout)
	parameters["idle_in_transaction_session_timeout"] = milliseconds(s.IdleTimeout)
	parameters["default_transaction_isolation"] = "read committed"
}

func milliseconds(limit time.Duration) string {
	return strconv.FormatInt(limit.Milliseconds(), 10)
}

func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", classify(err))
	}
	return nil
}

func (s *Store) Connections() telemetry.Pool {
	pool := s.pool.Stat()
	return telemetry.Pool{
		Used:  int64(pool.AcquiredConns()),
		Idle:  int64(pool.IdleConns()),
		Max:   int64(pool.MaxConns()),
		Waits: pool.EmptyAcquireCount(),
	}
}

func (s *Store) Close(ctx context.Context) error {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.pool.Close()
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close pool: %w", ctx.Err())
	}
}

func (s *Store) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}
