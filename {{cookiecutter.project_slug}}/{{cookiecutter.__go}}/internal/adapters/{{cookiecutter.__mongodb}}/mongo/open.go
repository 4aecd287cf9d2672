package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const (
	firstPause   = 250 * time.Millisecond
	slowestPause = 4 * time.Second

	selectionTimeout = 1500 * time.Millisecond
	idleConnection   = 5 * time.Minute
)

// ErrNoTransactions refuses a server that cannot write an order and its event together.
var ErrNoTransactions = errors.New(
	"server has no transactions, which keep an order and its event together; want a replica set (of one member at least) or a sharded cluster")

// Settings says how to reach the database and how long it may take. Timeout is for one call of the store and to connect;
// StartTimeout for the first connection of a process. MaxConns bounds the connections to one server, beside the two by
// which the driver watches it.
type Settings struct {
	URL          string
	Database     string
	Application  string
	MaxConns     int32
	Timeout      time.Duration
	StartTimeout time.Duration
}

type Store struct {
	settings Settings
	client   *driver.Client
	database *driver.Database
	behind   sync.WaitGroup
}

// Open waits for the database as long as the settings allow, and refuses a server without transactions and a schema that
// this build cannot work with.
func Open(ctx context.Context, settings Settings, logger *slog.Logger) (*Store, error) {
	store := &Store{settings: settings}
	err := store.connect(ctx, logger)
	if err == nil {
		err = store.requireTransactions(ctx)
	}
	if err == nil {
		err = store.requireSchema(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	return store, nil
}

// options state what every connection does. A call is bounded by its context alone; with a deadline the driver would
// repeat reads until then, so it is told not to: who may be repeated, and how often, is decided above the store.
func (s Settings) options() *options.ClientOptions {
	return options.Client().ApplyURI(s.URL).
		SetAppName(s.Application).
		SetMaxPoolSize(uint64(max(s.MaxConns, 1))).
		SetMaxConnIdleTime(idleConnection).
		SetConnectTimeout(s.Timeout).
		SetServerSelectionTimeout(min(s.Timeout, selectionTimeout)).
		SetRetryReads(false).
		SetRetryWrites(true).
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(writeconcern.Majority())
}

func dial(settings Settings) (*driver.Client, *driver.Database, error) {
	client, err := driver.Connect(settings.options())
	if _, unresolved := errors.AsType[*net.DNSError](err); unresolved {
		return nil, nil, fmt.Errorf("%w: %w", failure.ErrUnavailable, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read DATABASE_URL: %w", err)
	}
	return client, client.Database(settings.Database), nil
}

func (s *Store) connect(ctx context.Context, logger *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, s.settings.StartTimeout)
	defer cancel()
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := s.reach(ctx)
		if err == nil || s.client == nil && !errors.Is(err, failure.ErrUnavailable) {
			return err
		}
		wait := pause/2 + rand.N(pause/2) //nolint:gosec // jitter needs no secrecy
		logger.WarnContext(ctx, "Failed to connect to database", "error", err, "attempt", attempt, "retry_in", wait.String())
		select {
		case <-ctx.Done():
			return fmt.Errorf("connect, %d attempts: %w", attempt, errors.Join(failure.ErrUnavailable, ctx.Err(), err))
		case <-time.After(wait):
		}
		pause = min(pause*2, slowestPause)
	}
}

func (s *Store) reach(ctx context.Context) (err error) {
	if s.client == nil {
		if s.client, s.database, err = dial(s.settings); err != nil {
			return err
		}
	}
	return s.Ping(ctx)
}

func (s *Store) requireTransactions(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var hello struct {
		SetName string `bson:"setName"`
		Message string `bson:"msg"`
	}
	if err := s.database.RunCommand(ctx, field("hello", 1)).Decode(&hello); err != nil {
		return fmt.Errorf("ask for the topology: %w", classify(ctx, err))
	}
	if hello.SetName == "" && hello.Message != "isdbgrid" {
		return ErrNoTransactions
	}
	return nil
}

func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	if err := s.client.Ping(ctx, readpref.Primary()); err != nil {
		return fmt.Errorf("ping database: %w", classify(ctx, err))
	}
	return nil
}

func (s *Store) Close(ctx context.Context) error {
	if s.client == nil {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.behind.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	if err := s.client.Disconnect(ctx); err != nil && !errors.Is(err, driver.ErrClientDisconnected) {
		return fmt.Errorf("close pool: %w", err)
	}
	return nil
}

func (s *Store) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.settings.Timeout)
}
