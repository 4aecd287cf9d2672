package contract_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const plantedOutbox = "CONTRACT_PLANTED_OUTBOX_BUG"

func (f *frail) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	if err := f.reach(ctx); err != nil {
		return outbox.Lease{}, false, err
	}
	return f.Store.AcquireLease(ctx, owner, ttl)
}

func (f *frail) ReleaseLease(ctx context.Context, lease outbox.Lease) error {
	return errors.Join(f.reach(ctx), f.Store.ReleaseLease(ctx, lease))
}

func (f *frail) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	if err := f.reach(ctx); err != nil {
		return nil, err
	}
	return f.Store.NextMessages(ctx, limit)
}

func (f *frail) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	if err := f.reach(ctx); err != nil {
		return err
	}
	return f.Store.MarkPublished(ctx, lease, ids)
}

func (f *frail) ParkMessage(ctx context.Context, lease outbox.Lease, id, reason string) error {
	if err := f.reach(ctx); err != nil {
		return err
	}
	return f.Store.ParkMessage(ctx, lease, id, reason)
}

func (f *frail) Backlog(ctx context.Context) (outbox.Backlog, error) {
	if err := f.reach(ctx); err != nil {
		return outbox.Backlog{}, err
	}
	return f.Store.Backlog(ctx)
}

type outboxFaulty interface {
	contract.OutboxStore
	contract.Faults
}

type leasesToAll struct{ *frail }

func (s leasesToAll) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	lease, _, err := s.frail.AcquireLease(ctx, owner, ttl)
	return lease, true, err
}

type forgetsTheOwner struct{ *frail }

func (s forgetsTheOwner) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	_, held, err := s.frail.AcquireLease(ctx, owner, ttl)
	return outbox.Lease{Owner: owner}, held, err
}

type neverEndsALease struct{ *frail }

func (s neverEndsALease) AcquireLease(ctx context.Context, owner string, _ time.Duration) (outbox.Lease, bool, error) {
	return s.frail.AcquireLease(ctx, owner, 24*time.Hour)
}

type marksWithoutALease struct{ *frail }

func (s marksWithoutALease) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	held, free, err := s.Store.AcquireLease(ctx, lease.Owner, time.Hour)
	for _, owner := range []string{"a", "b"} {
		if !free && err == nil {
			held, free, err = s.Store.AcquireLease(ctx, owner, time.Hour)
		}
	}
	return errors.Join(err, s.frail.MarkPublished(ctx, held, ids))
}

type marksFirst struct{ *frail }

func (s marksFirst) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	_, err := s.Take(ctx, len(ids), drop)
	return errors.Join(err, s.frail.MarkPublished(ctx, lease, nil))
}

type marksOnce struct{ *frail }

func (s marksOnce) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	messages, err := s.NextMessages(ctx, 1000)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(messages, func(one outbox.Message) bool { return one.ID == id }) {
			return errors.New("message is gone")
		}
	}
	return s.frail.MarkPublished(ctx, lease, ids)
}

type releasesForAnyone struct{ *frail }

func (s releasesForAnyone) ReleaseLease(ctx context.Context, lease outbox.Lease) error {
	for _, owner := range []string{"a", "b"} {
		held, free, err := s.Store.AcquireLease(ctx, owner, time.Hour)
		if err == nil && free {
			lease = held
		}
	}
	return s.frail.ReleaseLease(ctx, lease)
}

type releasesNothing struct{ *frail }

func (s releasesNothing) ReleaseLease(ctx context.Context, _ outbox.Lease) error { return s.reach(ctx) }

type handsOverNewestFirst struct{ *frail }

func (s handsOverNewestFirst) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	messages, err := s.frail.NextMessages(ctx, limit)
	slices.Reverse(messages)
	return messages, err
}

type takesOnReading struct{ *frail }

func (s takesOnReading) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	messages, err := s.frail.NextMessages(ctx, limit)
	if err == nil {
		_, err = s.Take(ctx, limit, drop)
	}
	return messages, err
}

type losesTheTrace struct{ *frail }

func (s losesTheTrace) Add(ctx context.Context, made order.Placement) (order.Order, bool, error) {
	if made.Key != nil {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	return s.frail.Add(ctx, made)
}

type parksNothing struct{ *frail }

func (s parksNothing) ParkMessage(ctx context.Context, _ outbox.Lease, _, _ string) error {
	return s.reach(ctx)
}

type countsWrongly struct{ *frail }

func (s countsWrongly) Backlog(ctx context.Context) (outbox.Backlog, error) {
	backlog, err := s.frail.Backlog(ctx)
	backlog.Pending = min(backlog.Pending, 1)
	return backlog, err
}

type hidesItsAbsence struct{ *frail }

func (s hidesItsAbsence) Backlog(ctx context.Context) (outbox.Backlog, error) {
	backlog, err := s.frail.Backlog(ctx)
	if err != nil && ctx.Err() == nil {
		err = errors.New("something went wrong")
	}
	return backlog, err
}

type outboxBug struct {
	store  func(sound *frail) outboxFaulty
	caught string
}

func outboxBugs() map[string]outboxBug {
	return map[string]outboxBug{
		"leases to all":                    {func(sound *frail) outboxFaulty { return leasesToAll{sound} }, "one owner holds the lease"},
		"gives every owner the same fence": {func(sound *frail) outboxFaulty { return forgetsTheOwner{sound} }, "a lease that has ended goes to the next"},
		"never ends a lease":               {func(sound *frail) outboxFaulty { return neverEndsALease{sound} }, "a lease that has ended goes to the next"},
		"marks for whoever asks":           {func(sound *frail) outboxFaulty { return marksWithoutALease{sound} }, "a late owner changes nothing"},
		"marks the first few":              {func(sound *frail) outboxFaulty { return marksFirst{sound} }, "removes what was published and no more"},
		"refuses a repeated mark":          {func(sound *frail) outboxFaulty { return marksOnce{sound} }, "a mark may be repeated"},
		"releases for anyone":              {func(sound *frail) outboxFaulty { return releasesForAnyone{sound} }, "a late owner releases nothing"},
		"releases nothing":                 {func(sound *frail) outboxFaulty { return releasesNothing{sound} }, "a released lease is free and worth no more"},
		"hands over newest first":          {func(sound *frail) outboxFaulty { return handsOverNewestFirst{sound} }, "hands over the oldest messages first"},
		"takes what it reads":              {func(sound *frail) outboxFaulty { return takesOnReading{sound} }, "hands over the oldest messages first"},
		"loses the trace of a keyed order": {func(sound *frail) outboxFaulty { return losesTheTrace{sound} }, "keeps the trace context of an order"},
		"parks nothing":                    {func(sound *frail) outboxFaulty { return parksNothing{sound} }, "a parked message steps aside"},
		"counts wrongly":                   {func(sound *frail) outboxFaulty { return countsWrongly{sound} }, "tells what waits and for how long"},
		"hides its absence":                {func(sound *frail) outboxFaulty { return hidesItsAbsence{sound} }, "a broken connection is told as unavailable"},
	}
}

func TestASoundOutboxPasses(t *testing.T) {
	t.Parallel()
	contract.RunOutbox(t, func(t *testing.T) contract.OutboxSubject {
		t.Helper()
		sound := newFrail()
		return contract.OutboxSubject{Store: sound, Faults: sound}
	})
}

func TestPlantedOutboxBug(t *testing.T) {
	t.Parallel()
	found, planted := outboxBugs()[os.Getenv(plantedOutbox)]
	if !planted {
		t.Skip("holds one planted bug: TestEveryPlantedOutboxBugIsCaught starts it")
	}
	contract.RunOutbox(t, func(t *testing.T) contract.OutboxSubject {
		t.Helper()
		broken := found.store(newFrail())
		return contract.OutboxSubject{Store: broken, Faults: broken}
	})
}

func TestEveryPlantedOutboxBugIsCaught(t *testing.T) {
	t.Parallel()
	for name, bug := range outboxBugs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustFail(t, "TestPlantedOutboxBug", bug.caught, plantedOutbox+"="+name)
		})
	}
}

func drop(context.Context, order.Placed, app.Summaries) error { return nil }
