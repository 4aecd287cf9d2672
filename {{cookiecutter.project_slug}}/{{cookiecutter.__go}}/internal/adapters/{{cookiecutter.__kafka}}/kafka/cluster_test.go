package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"{{ cookiecutter.__go_module }}/internal/adapters/cloudevents"
	"{{ cookiecutter.__go_module }}/internal/adapters/kafka"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const (
	topic      = "orders"
	deadTopic  = "orders.dead"
	group      = "order-hub"
	partitions = 3
	wait       = 30 * time.Second
)

func cluster(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	made, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(3), kfake.SeedTopics(partitions, topic), kfake.SeedTopics(1, deadTopic),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

func settings(brokers *kfake.Cluster) kafka.Settings {
	return kafka.Settings{
		Client: "test", Brokers: brokers.ListenAddrs(), Topic: topic, DeadLetterTopic: deadTopic, Group: group,
		DeliveryTimeout: 10 * time.Second, Batch: 50, Attempts: 3,
		BackoffMin: time.Millisecond, BackoffMax: 2 * time.Millisecond,
		HandlerTimeout: 5 * time.Second, RebalanceTimeout: time.Minute,
		Tuning: []kgo.Opt{kgo.MetadataMinAge(20 * time.Millisecond), kgo.HeartbeatInterval(50 * time.Millisecond)},
	}
}

func codec(t *testing.T) *cloudevents.Codec {
	t.Helper()
	made, err := cloudevents.New("/order-hub")
	if err != nil {
		t.Fatal(err)
	}
	return made
}

type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

func measured(t *testing.T) (*telemetry.Telemetry, *telemetry.Broker, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	all, err := telemetry.New(t.Context(), telemetry.Settings{
		Service: telemetry.Service{Name: "test"}, Exporters: telemetry.Exporters{Traces: kept{spans}}, SampleRatio: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	broker, err := all.Broker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all, broker, spans
}

func producer(t *testing.T, chosen kafka.Settings, broker *telemetry.Broker) *kafka.Producer {
	t.Helper()
	made, err := kafka.NewProducer(chosen, codec(t), broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

func consumer(t *testing.T, chosen kafka.Settings, summaries app.Summaries, broker *telemetry.Broker) *kafka.Consumer {
	t.Helper()
	made, err := kafka.NewConsumer(chosen, codec(t), summaries, broker, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Stop(context.WithoutCancel(t.Context())) })
	return made
}

func relay(source outbox.Source, publisher outbox.Publisher, broker outbox.Metrics, owner string) *outbox.Relay {
	return &outbox.Relay{
		Source: source, Publisher: publisher, Metrics: broker, Logger: slog.New(slog.DiscardHandler),
		Owner: owner, Batch: 20, LeaseTTL: time.Minute, Every: time.Millisecond,
	}
}

func place(tb testing.TB, store order.Repository, count int) []string {
	tb.Helper()
	ids := make([]string, 0, count)
	for range count {
		ids = append(ids, placeOne(tb, store))
	}
	return ids
}

func placeOne(tb testing.TB, store order.Repository) string {
	tb.Helper()
	at := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	item := order.Item{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250}
	placed, event, err := order.Place(order.NewID(at), order.Draft{CustomerID: "c-1", Items: []order.Item{item}}, at)
	if err != nil {
		tb.Fatal(err)
	}
	if _, _, err := store.Add(tb.Context(), order.Placement{Order: placed, Event: event}); err != nil {
		tb.Fatal(err)
	}
	return string(event.EventID)
}

func apply(ctx context.Context, event order.Placed, summaries app.Summaries) error {
	_, err := summaries.Apply(ctx, event)
	return err
}

func counted(t *testing.T, store app.Summaries) int64 {
	t.Helper()
	summary, err := store.Daily(t.Context(), "2026-11-20")
	if err != nil {
		t.Fatal(err)
	}
	return summary.Orders
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	limit := time.After(wait)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-limit:
			t.Fatalf("%s never happens", what)
		case <-ticker.C:
		}
	}
}

func drain(t *testing.T, inbox app.Inbox, project app.Projection, want int) app.Batch {
	t.Helper()
	var total app.Batch
	until(t, "the end of the topic", func() bool {
		batch, err := inbox.Take(t.Context(), 100, project)
		if err != nil {
			t.Logf("take: %v", err)
		}
		total.Taken += batch.Taken
		total.Parked += batch.Parked
		return total.Taken >= want
	})
	return total
}

func committed(t *testing.T, brokers *kfake.Cluster) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	offsets.Each(func(one kadm.OffsetResponse) { total += max(0, one.At) })
	return total
}

func ends(t *testing.T, brokers *kfake.Cluster, name string) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).ListEndOffsets(t.Context(), name)
	if err := errors.Join(err, offsets.Error()); err != nil {
		t.Fatal(err)
	}
	var total int64
	offsets.Each(func(one kadm.ListedOffset) { total += one.Offset })
	return total
}

func send(t *testing.T, brokers *kfake.Cluster, records ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, record := range records {
		if record.Topic == "" {
			record.Topic = topic
		}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

type crashing struct {
	*memory.Store

	mutex sync.Mutex
	marks int
	every int
}

var errCrash = errors.New("crashed before the mark")

func (c *crashing) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	c.mutex.Lock()
	c.marks++
	dies := c.marks%c.every == 0
	c.mutex.Unlock()
	if dies {
		return errCrash
	}
	return c.Store.MarkPublished(ctx, lease, ids)
}
