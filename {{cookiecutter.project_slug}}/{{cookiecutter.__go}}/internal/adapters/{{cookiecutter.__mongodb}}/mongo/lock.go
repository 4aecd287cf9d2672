package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	lockCollection = "migration_lock"
	lockName       = "migrate"
	lockWait       = time.Minute
	lockLease      = 30 * time.Second
	lockPoll       = 200 * time.Millisecond
)

var errLockLost = errors.New("the lock of migrations was lost")

type lock struct {
	collection *driver.Collection
	owner      string
	wait       time.Duration
	lease      time.Duration
}

func newLock(database *driver.Database) lock {
	owner := string(order.NewID(time.Now()))
	return lock{collection: database.Collection(lockCollection), owner: owner, wait: lockWait, lease: lockLease}
}

func (l lock) hold(ctx context.Context, work func(ctx context.Context) error) (err error) {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		l.renew(ctx, cancel)
	}()
	defer func() {
		lost := context.Cause(ctx)
		cancel(nil)
		<-renewed
		if errors.Is(lost, errLockLost) {
			err = errors.Join(err, lost)
		}
		err = errors.Join(err, l.release(context.WithoutCancel(ctx)))
	}()
	return work(ctx)
}

func (l lock) acquire(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	for {
		won, err := l.take(waiting)
		if won {
			return nil
		}
		if err != nil && !ends(waiting, err) {
			return fmt.Errorf("take migration lock: %w", classify(waiting, err))
		}
		select {
		case <-waiting.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("take migration lock: %w", ctx.Err())
			}
			return fmt.Errorf("%w: waited %s", schema.ErrLocked, l.wait)
		case <-time.After(lockPoll):
		}
	}
}

func ends(waiting context.Context, err error) bool {
	until, _ := waiting.Deadline()
	return waiting.Err() != nil || errors.Is(err, context.DeadlineExceeded) && time.Until(until) < lockPoll
}

func (l lock) take(ctx context.Context) (bool, error) {
	_, err := l.collection.UpdateOne(ctx, l.mine(), l.until(), options.UpdateOne().SetUpsert(true))
	if err == nil {
		return true, nil
	}
	if !driver.IsDuplicateKeyError(err) {
		return false, fmt.Errorf("write lock: %w", err)
	}
	ended := append(byID(lockName), bson.E{Key: "$expr", Value: field("$lte", bson.A{"$until", "$$NOW"})})
	done, err := l.collection.UpdateOne(ctx, ended, l.until())
	if err != nil {
		return false, fmt.Errorf("take lock over: %w", err)
	}
	return done.MatchedCount == 1, nil
}

func (l lock) mine() bson.D {
	return append(byID(lockName), bson.E{Key: "owner", Value: l.owner})
}

func (l lock) until() bson.A {
	return bson.A{field("$set", bson.D{
		bson.E{Key: "owner", Value: l.owner},
		bson.E{Key: "until", Value: field("$add", bson.A{"$$NOW", l.lease.Milliseconds()})},
	})}
}

func (l lock) renew(ctx context.Context, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(l.lease / 3)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		bounded, cancel := context.WithTimeout(ctx, l.lease/3)
		done, err := l.collection.UpdateOne(bounded, l.mine(), l.until())
		cancel()
		switch {
		case err == nil && done.MatchedCount == 1:
			last = time.Now()
		case err == nil || time.Since(last) > l.lease*2/3:
			lost(errLockLost)
			return
		}
	}
}

func (l lock) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.lease)
	defer cancel()
	_, err := l.collection.DeleteOne(ctx, l.mine())
	if err != nil {
		return fmt.Errorf("release migration lock: %w", err)
	}
	return nil
}
