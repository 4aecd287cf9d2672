package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"{{ cookiecutter.__go_module }}/internal/adapters/cloudevents"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const (
	patience      = 500 * time.Millisecond
	fetchWait     = time.Second
	commitTimeout = 5 * time.Second
	leaveTimeout  = 5 * time.Second
	lagTimeout    = 3 * time.Second
	lagEvery      = 5 * time.Second
	mostDoubling  = 16
)

// Measured counts and traces what arrives.
type Measured interface {
	Process(ctx context.Context, from telemetry.Delivery) (context.Context, func(error))
	Consumed(ctx context.Context, result string, count int64)
	DeadLettered(ctx context.Context, reason string)
}

// Consumer is an app.Inbox that takes its events from Kafka, for one projector. A record is committed after it was
// projected or set aside, so it may come twice: summaries count it once. No record overtakes another of its partition.
type Consumer struct {
	client    *kgo.Client
	admin     *kadm.Client
	settings  Settings
	codec     *cloudevents.Codec
	summaries app.Summaries
	measured  Measured
	logger    *slog.Logger
	lag       int64
	lagAt     time.Time
}

func NewConsumer(
	settings Settings, codec *cloudevents.Codec, summaries app.Summaries, measured Measured, logger *slog.Logger,
) (*Consumer, error) {
	client, err := settings.client(
		kgo.ConsumerGroup(settings.Group),
		kgo.ConsumeTopics(settings.Topic),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.RebalanceTimeout(settings.RebalanceTimeout),
		kgo.FetchMaxBytes(inFlightBytes),
		kgo.FetchMaxWait(fetchWait),
	)
	if err != nil {
		return nil, err
	}
	return &Consumer{
		client: client, admin: kadm.NewClient(client), settings: settings, codec: codec, summaries: summaries,
		measured: measured, logger: logger,
	}, nil
}

// Stop leaves the group, so that others get the partitions at once. What is taken is committed before. While the broker is
// away there is no leaving: then the group notices by itself.
func (c *Consumer) Stop(ctx context.Context) error {
	defer c.client.CloseAllowingRebalance()
	leaving, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	err := c.client.LeaveGroupContext(leaving)
	switch {
	case err == nil, errors.Is(err, kerr.UnknownMemberID):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("leave group %s: %w", c.settings.Group, err)
	}
	c.logger.WarnContext(ctx, "Failed to leave group", "error", err, "effect", "others get its partitions when its session ends")
	return nil
}

// Take works on a batch in order. While what the projection needs is away, it commits what is done, goes back to the first
// record that is not, and returns the error: nothing is skipped and no attempt is spent. A record that cannot be read, or
// fails each time, goes to the dead-letter topic.
func (c *Consumer) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	defer c.client.AllowRebalance()
	records, err := c.poll(ctx, min(limit, c.settings.Batch))
	if err != nil {
		return app.Batch{}, err
	}
	var batch app.Batch
	until := time.Now().Add(c.settings.RebalanceTimeout / 2)
	var failed error
	for _, record := range records {
		parked, err := c.handle(ctx, record, project)
		if err != nil {
			failed = err
			break
		}
		batch.Taken++
		batch.Parked += parked
		if time.Now().After(until) {
			break
		}
	}
	if err := c.commit(ctx, records[:batch.Taken]); err != nil {
		c.rewind(records)
		return app.Batch{}, err
	}
	c.rewind(records[batch.Taken:])
	c.measured.Consumed(ctx, "processed", int64(batch.Taken-batch.Parked))
	if failed != nil && batch.Taken == 0 {
		return app.Batch{}, failed
	}
	return batch, nil
}

// Pending is how many records the group has not committed, as of the last few seconds.
func (c *Consumer) Pending(ctx context.Context) (int64, error) {
	if time.Since(c.lagAt) < lagEvery {
		return c.lag, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	groups, err := c.admin.Lag(ctx, c.settings.Group)
	if err == nil {
		err = groups.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("measure lag of group %s: %w", c.settings.Group, err)
	}
	c.lag, c.lagAt = groups[c.settings.Group].Lag.Total(), time.Now()
	return c.lag, nil
}

func (c *Consumer) poll(ctx context.Context, limit int) ([]*kgo.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fetches := c.client.PollRecords(ctx, limit)
	if fetches.IsClientClosed() {
		return nil, fmt.Errorf("fetch records: %w", kgo.ErrClientClosed)
	}
	records := fetches.Records()
	if len(records) > 0 {
		return records, nil
	}
	for _, one := range fetches.Errors() {
		if !errors.Is(one.Err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("fetch records of %s: %w", one.Topic, one.Err)
		}
	}
	return nil, nil
}

func (c *Consumer) handle(ctx context.Context, record *kgo.Record, project app.Projection) (int, error) {
	event, caused, unreadable := c.codec.Decode(record.Value)
	ctx, end := c.measured.Process(ctx, telemetry.Delivery{
		Topic: record.Topic, Group: c.settings.Group, Partition: record.Partition, Offset: record.Offset,
		Sent: header(record, headerTrace), Caused: caused,
	})
	attempts, failed := 0, unreadable
	if unreadable == nil {
		attempts, failed = c.attempt(ctx, event, project)
	}
	end(failed)
	switch {
	case failed == nil:
		return 0, nil
	case unavailable(failed):
		c.measured.Consumed(ctx, "unavailable", 1)
		return 0, failed
	}
	if err := c.bury(ctx, record, attempts, failed); err != nil {
		c.measured.Consumed(ctx, "unavailable", 1)
		return 0, err
	}
	return 1, nil
}

func (c *Consumer) attempt(ctx context.Context, event order.Placed, project app.Projection) (int, error) {
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, event, project)
		if err == nil || unavailable(err) || attempt >= c.settings.Attempts {
			return attempt, err
		}
		c.measured.Consumed(ctx, "retried", 1)
		select {
		case <-ctx.Done():
			return attempt, errors.Join(ctx.Err(), err)
		case <-time.After(c.pause(attempt)):
		}
	}
}

func (c *Consumer) once(ctx context.Context, event order.Placed, project app.Projection) error {
	ctx, cancel := context.WithTimeout(ctx, c.settings.HandlerTimeout)
	defer cancel()
	return project(ctx, event, c.summaries)
}

func (c *Consumer) pause(attempt int) time.Duration {
	most := min(c.settings.BackoffMax, c.settings.BackoffMin<<min(attempt-1, mostDoubling))
	return rand.N(most) + 1 //nolint:gosec // jitter needs no secrecy
}

func (c *Consumer) commit(ctx context.Context, done []*kgo.Record) error {
	if len(done) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := c.client.CommitRecords(ctx, done...)
	switch {
	case errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.UnknownMemberID):
		c.logger.WarnContext(ctx, "Failed to commit records", "error", err, "effect", "they come again and are counted once")
		return nil
	case err != nil:
		return fmt.Errorf("commit %d records: %w", len(done), err)
	}
	return nil
}

func (c *Consumer) rewind(records []*kgo.Record) {
	first := map[string]map[int32]kgo.EpochOffset{}
	for _, record := range records {
		partitions, known := first[record.Topic]
		if !known {
			partitions = map[int32]kgo.EpochOffset{}
			first[record.Topic] = partitions
		}
		if _, known := partitions[record.Partition]; !known {
			partitions[record.Partition] = kgo.EpochOffset{Epoch: record.LeaderEpoch, Offset: record.Offset}
		}
	}
	if len(first) > 0 {
		c.client.SetOffsets(first)
	}
}

func unavailable(err error) bool {
	return errors.Is(err, failure.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func header(record *kgo.Record, name string) string {
	for _, one := range record.Headers {
		if one.Key == name {
			return string(one.Value)
		}
	}
	return ""
}
