package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
)

func (s *Store) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	if err := ctx.Err(); err != nil {
		return outbox.Lease{}, false, fmt.Errorf("acquire lease: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.now()
	held := s.queue.endsAt.After(now)
	switch {
	case held && s.queue.lease.Owner != owner:
		return outbox.Lease{}, false, nil
	case !held:
		s.queue.lease = outbox.Lease{Owner: owner, Fence: s.queue.lease.Fence + 1}
	}
	s.queue.endsAt = now.Add(ttl)
	return s.queue.lease, true, nil
}

func (s *Store) ReleaseLease(ctx context.Context, lease outbox.Lease) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.queue.lease == lease {
		s.queue.lease.Owner = ""
		s.queue.endsAt = time.Time{}
	}
	return nil
}

func (s *Store) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	waiting := s.head(limit)
	messages := make([]outbox.Message, 0, len(waiting))
	for _, one := range waiting {
		messages = append(messages, outbox.Message{ID: one.id, TraceParent: one.traceParent, Payload: one.payload})
	}
	return messages, nil
}

func (s *Store) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	return s.remove(ctx, lease, ids)
}

// ParkMessage drops the message: nobody could look at it in the memory of a process.
func (s *Store) ParkMessage(ctx context.Context, lease outbox.Lease, id, _ string) error {
	return s.remove(ctx, lease, []string{id})
}

func (s *Store) remove(ctx context.Context, lease outbox.Lease, ids []string) error {
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("settle messages: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.queue.lease != lease {
		return fmt.Errorf("settle messages as %s: %w", lease.Owner, outbox.ErrLeaseLost)
	}
	s.queue.waiting = slices.DeleteFunc(s.queue.waiting, func(one message) bool { return slices.Contains(ids, one.id) })
	return nil
}

func (s *Store) Backlog(ctx context.Context) (outbox.Backlog, error) {
	if err := ctx.Err(); err != nil {
		return outbox.Backlog{}, fmt.Errorf("count outbox: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.queue.waiting) == 0 {
		return outbox.Backlog{}, nil
	}
	return outbox.Backlog{Pending: int64(len(s.queue.waiting)), Oldest: s.now().Sub(s.queue.waiting[0].addedAt)}, nil
}
