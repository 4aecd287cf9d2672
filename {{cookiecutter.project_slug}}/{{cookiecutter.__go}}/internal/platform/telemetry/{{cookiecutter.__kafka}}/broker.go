package telemetry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Broker measures and traces the events that leave and arrive.
type Broker struct {
	telemetry   *Telemetry
	published   metric.Int64Counter
	consumed    metric.Int64Counter
	deadLetters metric.Int64Counter
	lag         metric.Int64Gauge
	oldest      metric.Float64Gauge
	held        metric.Int64Gauge
}

// Delivery is where a record was found. Sent is the trace context of the one who sent it, Caused that of the call which
// raised its event; either may be empty.
type Delivery struct {
	Topic, Group, Sent, Caused string
	Partition                  int32
	Offset                     int64
}

func (t *Telemetry) Broker(ctx context.Context) (*Broker, error) {
	meter := t.meters.Meter("broker")
	built := &Broker{telemetry: t}
	var errs [6]error
	built.published, errs[0] = meter.Int64Counter("events.published",
		metric.WithDescription("Events of the outbox, by what the broker said"))
	built.consumed, errs[1] = meter.Int64Counter("events.consumed",
		metric.WithDescription("Records taken from the broker, by what became of them"))
	built.deadLetters, errs[2] = meter.Int64Counter("events.dead.letters",
		metric.WithDescription("Records set aside in the dead-letter topic, by the reason"))
	built.lag, errs[3] = meter.Int64Gauge("events.lag",
		metric.WithDescription("Records that the consumer group has not committed"))
	built.oldest, errs[4] = meter.Float64Gauge("outbox.age", metric.WithUnit("s"),
		metric.WithDescription("How long the oldest event has waited in the outbox"))
	built.held, errs[5] = meter.Int64Gauge("outbox.lease.held",
		metric.WithDescription("Whether this process publishes, 1 or 0"))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("create instruments of the broker: %w", err)
	}
	for _, result := range []string{"acknowledged", "failed", "parked"} {
		built.Published(ctx, result, 0)
	}
	for _, result := range []string{"processed", "retried", "unavailable", "dead"} {
		built.Consumed(ctx, result, 0)
	}
	for _, reason := range []string{"unreadable", "version", "schema", "failed"} {
		built.deadLetters.Add(ctx, 0, labels("reason", reason))
	}
	built.LeaseHeld(ctx, false)
	return built, nil
}

func (b *Broker) Published(ctx context.Context, result string, count int64) {
	b.published.Add(ctx, count, labels("result", result))
}

func (b *Broker) Consumed(ctx context.Context, result string, count int64) {
	b.consumed.Add(ctx, count, labels("result", result))
}

func (b *Broker) DeadLettered(ctx context.Context, reason string) {
	b.deadLetters.Add(ctx, 1, labels("reason", reason))
}

func (b *Broker) Lag(ctx context.Context, records int64) {
	b.lag.Record(ctx, records)
}

func (b *Broker) Backlog(ctx context.Context, pending int64, oldest time.Duration) {
	b.telemetry.InboxPending(ctx, pending)
	b.oldest.Record(ctx, oldest.Seconds())
}

func (b *Broker) LeaseHeld(ctx context.Context, held bool) {
	var value int64
	if held {
		value = 1
	}
	b.held.Record(ctx, value)
}

// Send begins the span of an event that leaves, below the trace that caused it. It gives the trace context that travels
// with the event, and how to end the span.
func (b *Broker) Send(ctx context.Context, topic, id, caused string) (string, func(error)) {
	ctx, root := b.below(ctx, caused)
	ctx, end := b.begin(ctx, "send "+topic, append(root, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "kafka"),
		attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.operation.name", "send"),
		attribute.String("messaging.destination.name", topic),
		attribute.String("messaging.message.id", id),
	))...)
	carrier := propagation.MapCarrier{}
	b.telemetry.propagator.Inject(ctx, carrier)
	return carrier.Get("traceparent"), end
}

// Process begins the span of a record that is worked on, below the span that sent it. A trace of another call that caused
// the event, as after a replay, is linked.
func (b *Broker) Process(ctx context.Context, from Delivery) (context.Context, func(error)) {
	ctx, options := b.below(ctx, from.Sent)
	caused := trace.SpanContextFromContext(b.extract(context.WithoutCancel(ctx), from.Caused))
	if caused.IsValid() && from.Caused != "" && caused.TraceID() != trace.SpanContextFromContext(ctx).TraceID() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: caused}))
	}
	return b.begin(ctx, "process "+from.Topic, append(options, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "kafka"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.operation.name", "process"),
		attribute.String("messaging.destination.name", from.Topic),
		attribute.String("messaging.destination.partition.id", strconv.Itoa(int(from.Partition))),
		attribute.String("messaging.consumer.group.name", from.Group),
		attribute.Int64("messaging.kafka.offset", from.Offset),
	))...)
}

func (b *Broker) below(ctx context.Context, parent string) (context.Context, []trace.SpanStartOption) {
	if parent == "" {
		return ctx, []trace.SpanStartOption{trace.WithNewRoot()}
	}
	return b.extract(ctx, parent), nil
}

func (b *Broker) extract(ctx context.Context, parent string) context.Context {
	return b.telemetry.propagator.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

func (b *Broker) begin(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, func(error)) {
	ctx, span := b.telemetry.tracer.Start(ctx, name, options...)
	return ctx, func(err error) {
		fail(span, name, err)
		span.End()
	}
}
