package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	storeTimeout = 10 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
	mostDoubling = 10
)

// ErrUnpublishable says that a message will never be accepted, however often it is sent.
var ErrUnpublishable = errors.New("message cannot be published")

// Publisher sends messages and waits for the broker to acknowledge them. It returns one error a message, nil for what is
// safely kept, ErrUnpublishable for what is to be parked.
type Publisher interface {
	Publish(ctx context.Context, messages []Message) []error
}

type Metrics interface {
	Published(ctx context.Context, result string, count int64)
	Backlog(ctx context.Context, pending int64, oldest time.Duration)
	LeaseHeld(ctx context.Context, held bool)
}

// Relay publishes what waits in an outbox, while it holds the lease. A message is marked once the broker has it: between
// the two a crash makes it leave twice, never not at all.
type Relay struct {
	Source    Source
	Publisher Publisher
	Metrics   Metrics
	Logger    *slog.Logger
	Owner     string
	Batch     int
	LeaseTTL  time.Duration
	Every     time.Duration
	Wake      <-chan struct{}

	lease    Lease
	failures int
}

func (r *Relay) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake := r.Wake
		if r.failures > 0 {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return r.release(context.WithoutCancel(ctx))
		case <-timer.C:
		case <-wake:
		}
		pause := r.Every
		err := r.Drain(context.WithoutCancel(ctx), ctx.Done())
		switch {
		case errors.Is(err, ErrLeaseLost):
			r.Logger.WarnContext(ctx, "Lease lost", "owner", r.Owner)
		case err != nil:
			r.failures = min(r.failures+1, mostDoubling)
			pause = rand.N(min(longestPause, firstPause<<r.failures)) + 1 //nolint:gosec // jitter needs no secrecy
			r.Logger.ErrorContext(ctx, "Failed to publish events", "error", err, "retry_in", pause.String())
		}
		timer.Reset(pause)
	}
}

// Drain publishes until nothing waits, the lease is another's, or stop is closed; what is in flight then is finished.
func (r *Relay) Drain(ctx context.Context, stop <-chan struct{}) error {
	for {
		settled, err := r.batch(ctx)
		if err != nil {
			return err
		}
		r.failures = 0
		select {
		case <-stop:
			return nil
		default:
		}
		if settled < r.Batch {
			return nil
		}
	}
}

func (r *Relay) batch(ctx context.Context) (int, error) {
	held, err := r.acquire(ctx)
	if err != nil || !held {
		return 0, err
	}
	if err := r.measure(ctx); err != nil {
		return 0, err
	}
	messages, err := r.next(ctx)
	if err != nil {
		return 0, err
	}
	return r.publish(ctx, messages)
}

func (r *Relay) acquire(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	lease, held, err := r.Source.AcquireLease(ctx, r.Owner, r.LeaseTTL)
	if err != nil {
		return false, fmt.Errorf("acquire lease: %w", err)
	}
	if held && lease != r.lease {
		r.Logger.InfoContext(ctx, "Lease acquired", "owner", r.Owner, "fence", lease.Fence)
	}
	r.lease = lease
	r.Metrics.LeaseHeld(ctx, held)
	if !held {
		r.Metrics.Backlog(ctx, 0, 0)
	}
	return held, nil
}

func (r *Relay) next(ctx context.Context) ([]Message, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	messages, err := r.Source.NextMessages(ctx, r.Batch)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return messages, nil
}

func (r *Relay) publish(ctx context.Context, messages []Message) (int, error) {
	if len(messages) == 0 {
		return 0, nil
	}
	acknowledged := make([]string, 0, len(messages))
	parked := map[string]error{}
	var failed error
	for i, err := range r.Publisher.Publish(ctx, messages) {
		switch {
		case err == nil:
			acknowledged = append(acknowledged, messages[i].ID)
		case errors.Is(err, ErrUnpublishable):
			parked[messages[i].ID] = err
		case failed == nil:
			failed = err
		}
	}
	r.Metrics.Published(ctx, "failed", int64(len(messages)-len(acknowledged)-len(parked)))
	if err := errors.Join(r.mark(ctx, acknowledged), r.park(ctx, parked)); err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, fmt.Errorf("publish, %d of %d acknowledged: %w", len(acknowledged), len(messages), failed)
	}
	return len(messages), nil
}

func (r *Relay) mark(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := r.Source.MarkPublished(ctx, r.lease, ids); err != nil {
		return fmt.Errorf("mark as published: %w", err)
	}
	r.Metrics.Published(ctx, "acknowledged", int64(len(ids)))
	r.Logger.InfoContext(ctx, "Events published", "count", len(ids))
	return nil
}

func (r *Relay) park(ctx context.Context, reasons map[string]error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for id, reason := range reasons {
		if err := r.Source.ParkMessage(ctx, r.lease, id, reason.Error()); err != nil {
			return fmt.Errorf("park event %s: %w", id, err)
		}
		r.Metrics.Published(ctx, "parked", 1)
		r.Logger.ErrorContext(ctx, "Event parked", "event_id", id, "error", reason)
	}
	return nil
}

func (r *Relay) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	backlog, err := r.Source.Backlog(ctx)
	if err != nil {
		return fmt.Errorf("measure outbox: %w", err)
	}
	r.Metrics.Backlog(ctx, backlog.Pending, backlog.Oldest)
	return nil
}

func (r *Relay) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if r.lease == (Lease{}) {
		return nil
	}
	if err := r.Source.ReleaseLease(ctx, r.lease); err != nil {
		r.Logger.WarnContext(ctx, "Failed to release lease", "error", err)
	}
	r.Metrics.LeaseHeld(ctx, false)
	return nil
}
