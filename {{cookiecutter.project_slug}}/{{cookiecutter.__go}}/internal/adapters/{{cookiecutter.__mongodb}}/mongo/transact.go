package mongo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

const (
	firstConflictPause   = 5 * time.Millisecond
	slowestConflictPause = 200 * time.Millisecond
)

func (s *Store) transact(ctx context.Context, work func(ctx context.Context) error) error {
	pause := firstConflictPause
	for {
		err := s.tryTransaction(ctx, work)
		if !conflicts(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(rand.N(pause)): //nolint:gosec // jitter needs no secrecy
		}
		pause = min(2*pause, slowestConflictPause)
	}
}

func (s *Store) tryTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	session, err := s.client.StartSession()
	if err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	if err := commit(ctx, session, work); err != nil {
		s.later(ctx, session.EndSession)
		return err
	}
	session.EndSession(ctx)
	return nil
}

func commit(ctx context.Context, session *driver.Session, work func(ctx context.Context) error) error {
	concerns := options.Transaction().SetReadConcern(readconcern.Snapshot()).SetWriteConcern(writeconcern.Majority())
	if err := session.StartTransaction(concerns); err != nil {
		return fmt.Errorf("start transaction: %w", err)
	}
	inside := driver.NewSessionContext(ctx, session)
	if err := work(inside); err != nil {
		return err
	}
	if err := session.CommitTransaction(inside); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *Store) later(ctx context.Context, work func(ctx context.Context)) {
	ctx = context.WithoutCancel(ctx)
	s.behind.Go(func() {
		ctx, cancel := s.limited(ctx)
		defer cancel()
		work(ctx)
	})
}
