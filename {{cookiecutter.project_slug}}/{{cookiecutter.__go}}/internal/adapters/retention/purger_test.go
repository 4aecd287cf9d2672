package retention_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
)

func now() time.Time {
	return time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
}

type shelf struct {
	mutex        sync.Mutex
	keys, events int64
	calls        int
	horizon      time.Time
	broken       error
}

func (s *shelf) Purge(_ context.Context, _, horizon time.Time, limit int) (retention.Purged, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls++
	s.horizon = horizon
	if s.broken != nil {
		return retention.Purged{}, s.broken
	}
	purged := retention.Purged{Keys: min(s.keys, int64(limit)), Events: min(s.events, int64(limit))}
	s.keys -= purged.Keys
	s.events -= purged.Events
	return purged, nil
}

func (s *shelf) breakWith(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.broken = err
}

func purger(kept *shelf) *retention.Purger {
	return &retention.Purger{Records: kept, Logger: slog.New(slog.DiscardHandler), Clock: now, Every: time.Minute, Keep: time.Hour}
}

func TestPurgeTakesBatchesUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	kept := &shelf{keys: 2500, events: 10}

	purged, err := purger(kept).Purge(t.Context())

	if want := (retention.Purged{Keys: 2500, Events: 10}); err != nil || purged != want || kept.calls != 3 {
		t.Errorf("got %+v, %v after %d calls; want %+v", purged, err, kept.calls, want)
	}
	if !kept.horizon.Equal(now().Add(-time.Hour)) {
		t.Errorf("events until %s were forgotten", kept.horizon)
	}
}

func TestPurgeLeavesTheRestOfALargeHeapToTheNextRound(t *testing.T) {
	t.Parallel()
	kept := &shelf{events: 1_000_000}

	purged, err := purger(kept).Purge(t.Context())

	if err != nil || purged.Events != 100_000 {
		t.Errorf("got %+v, %v", purged, err)
	}
}

func TestPurgerGoesOnAfterAFailureAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := &shelf{keys: 1, broken: errors.New("broken")}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- purger(kept).Run(ctx) }()
		time.Sleep(90 * time.Second)
		synctest.Wait()
		kept.breakWith(nil)
		time.Sleep(time.Minute)
		synctest.Wait()

		cancel()

		if err := <-done; err != nil || kept.calls != 2 || kept.keys != 0 {
			t.Errorf("got %v after %d calls, %d keys left", err, kept.calls, kept.keys)
		}
	})
}
