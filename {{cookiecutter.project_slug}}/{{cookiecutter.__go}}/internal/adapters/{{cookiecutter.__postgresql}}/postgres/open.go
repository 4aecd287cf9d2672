package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connectAttempts = 6
	firstPause      = 250 * time.Millisecond
	slowestPause    = 4 * time.Second
)

var ErrSchemaBehind = errors.New("database schema is behind this version; run the migrate process first (make run-migrate)")

type Settings struct {
	URL      string
	MaxConns int32
	Timeout  time.Duration
}

type Store struct {
	pool    *pgxpool.Pool
	timeout time.Duration
}

// Open connects, with a bounded number of attempts, and refuses a schema older than the migrations of this build.
func Open(ctx context.Context, settings Settings, logger *slog.Logger) (*Store, error) {
	config, err := pgxpool.ParseConfig(settings.URL)
	if err != nil {
		return nil, fmt.Errorf("parse DATABASE_URL: %w", err)
	}
	config.MaxConns = settings.MaxConns
	config.ConnConfig.ConnectTimeout = settings.Timeout
	config.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(settings.Timeout.Milliseconds(), 10)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("create pool: %w", err)
	}
	store := &Store{pool: pool, timeout: settings.Timeout}
	if err := store.connect(ctx, logger); err != nil {
		pool.Close()
		return nil, err
	}
	if err := store.requireSchema(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return store, nil
}

func (s *Store) connect(ctx context.Context, logger *slog.Logger) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := s.Ping(ctx)
		if err == nil {
			return nil
		}
		if attempt == connectAttempts {
			return fmt.Errorf("connect after %d attempts: %w", attempt, err)
		}
		wait := pause/2 + rand.N(pause/2) //nolint:gosec // jitter needs no secrecy
		logger.WarnContext(ctx, "Failed to connect to database", "error", err, "attempt", attempt, "retry_in", wait.String())
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect: %w", ctx.Err())
		case <-time.After(wait):
		}
		pause = min(pause*2, slowestPause)
	}
}

func (s *Store) requireSchema(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	wanted, err := latestMigration()
	if err != nil {
		return err
	}
	var found int64
	err = s.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&found)
	if err != nil && !isUndefinedTable(err) {
		return fmt.Errorf("read schema version: %w", err)
	}
	if found < wanted {
		return fmt.Errorf("%w: version %d, want %d", ErrSchemaBehind, found, wanted)
	}
	return nil
}

func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
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

func isUndefinedTable(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "42P01"
}

func notFound(err error) bool {
	return errors.Is(err, pgx.ErrNoRows)
}
