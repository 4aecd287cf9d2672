// Package mongo keeps orders in MongoDB.
//
// A moment is kept in microseconds beside its date, for a date of MongoDB has milliseconds. An event waits at a position,
// the moment of its writing in nanoseconds, so that a process hands on its events in the order it wrote them; nobody
// remembers a position, so what is written late is found all the same. Events are leased by the clock of the server, for as
// long as one call of the store may take; a lease that was never taken is missing, which is before any time.
//
// A call is bounded by its context alone. With a deadline the driver would repeat reads until then, so it is told not to:
// what may be repeated, and how often, is decided above the store. The work of a transaction may run several times, when it
// meets another one, so it changes nothing but the database.
//
// A migration is a list of database commands. Each must bear to be repeated, because commands that change a schema are in
// no transaction. The lock is a lease on one document, renewed while it is held: that of a process that died ends by itself.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"{{ cookiecutter.__go_module }}/internal/adapters/await"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const (
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
	pool     *pool
	behind   sync.WaitGroup
}

// Open waits for the database as long as the settings allow, and refuses a server without transactions and a schema that
// this build cannot work with.
func Open(ctx context.Context, settings Settings, logger *slog.Logger) (*Store, error) {
	store := &Store{settings: settings, pool: &pool{most: int64(settings.MaxConns)}}
	err := await.Connection(ctx, settings.StartTimeout, store.reach, logger)
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

func dial(settings Settings, watched *pool) (*driver.Client, *driver.Database, error) {
	client, err := driver.Connect(settings.options().SetPoolMonitor(watched.monitor()))
	if _, unresolved := errors.AsType[*net.DNSError](err); unresolved {
		return nil, nil, fmt.Errorf("%w: %w", failure.ErrUnavailable, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read DATABASE_URL: %w: %w", await.ErrFinal, err)
	}
	return client, client.Database(settings.Database), nil
}

func (s *Store) reach(ctx context.Context) (err error) {
	if s.client == nil {
		if s.client, s.database, err = dial(s.settings, s.pool); err != nil {
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
