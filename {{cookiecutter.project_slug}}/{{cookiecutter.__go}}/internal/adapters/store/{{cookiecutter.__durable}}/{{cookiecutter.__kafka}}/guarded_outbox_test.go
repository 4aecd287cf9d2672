package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
)

func (f *flaky) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	lease, held, err := f.kept.AcquireLease(ctx, owner, ttl)
	return lease, held, errors.Join(f.lose(), err)
}

func (f *flaky) ReleaseLease(ctx context.Context, lease outbox.Lease) error {
	return errors.Join(f.kept.ReleaseLease(ctx, lease), f.lose())
}

func (f *flaky) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	found, err := f.kept.NextMessages(ctx, limit)
	return found, errors.Join(f.lose(), err)
}

func (f *flaky) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	return errors.Join(f.kept.MarkPublished(ctx, lease, ids), f.lose())
}

func (f *flaky) ParkMessage(ctx context.Context, lease outbox.Lease, id, reason string) error {
	return errors.Join(f.kept.ParkMessage(ctx, lease, id, reason), f.lose())
}

func (f *flaky) Backlog(ctx context.Context) (outbox.Backlog, error) {
	backlog, err := f.kept.Backlog(ctx)
	return backlog, errors.Join(f.lose(), err)
}

func TestEveryCallOfTheRelayIsRepeated(t *testing.T) {
	t.Parallel()
	tests := map[string]func(ctx context.Context, source outbox.Source, lease outbox.Lease) error{
		"acquire": func(ctx context.Context, source outbox.Source, lease outbox.Lease) error {
			again, held, err := source.AcquireLease(ctx, lease.Owner, time.Hour)
			if !held || again != lease {
				err = errors.Join(err, errors.New("the lease is another"))
			}
			return err
		},
		"next": func(ctx context.Context, source outbox.Source, _ outbox.Lease) error {
			found, err := source.NextMessages(ctx, 10)
			if len(found) != 1 {
				err = errors.Join(err, errors.New("the message is gone"))
			}
			return err
		},
		"mark": func(ctx context.Context, source outbox.Source, lease outbox.Lease) error {
			return source.MarkPublished(ctx, lease, nil)
		},
		"park": func(ctx context.Context, source outbox.Source, lease outbox.Lease) error {
			return source.ParkMessage(ctx, lease, "none", "x")
		},
		"release": func(ctx context.Context, source outbox.Source, lease outbox.Lease) error {
			return source.ReleaseLease(ctx, lease)
		},
		"backlog": func(ctx context.Context, source outbox.Source, _ outbox.Lease) error {
			_, err := source.Backlog(ctx)
			return err
		},
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, broken := newStore(t, 2)
			_, _, errAdd := broken.kept.Add(t.Context(), placement(t, ""))
			lease, _, errLease := broken.kept.AcquireLease(t.Context(), "a", time.Hour)
			if err := errors.Join(errAdd, errLease); err != nil {
				t.Fatal(err)
			}

			err := call(t.Context(), opened.Inbox, lease)

			if err != nil || broken.calls != 3 {
				t.Errorf("got %v after %d calls, want none after 3", err, broken.calls)
			}
		})
	}
}
