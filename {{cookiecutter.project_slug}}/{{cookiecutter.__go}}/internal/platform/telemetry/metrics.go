package telemetry

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type httpInstruments struct {
	duration metric.Float64Histogram
	active   atomic.Int64
	refused  metric.Int64Counter
}

type businessInstruments struct {
	placed    metric.Int64Counter
	revenue   metric.Int64Counter
	projected metric.Int64Counter
	pending   metric.Int64Gauge
}

func (t *Telemetry) instruments(ctx context.Context, service Service) error {
	meter := t.meters.Meter(service.Name)
	var errs [8]error
	t.http.duration, errs[0] = meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from the first byte of a request to the last of its answer"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	_, errs[1] = meter.Int64ObservableUpDownCounter("http.server.active_requests",
		metric.WithDescription("Requests being served"),
		metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
			observer.Observe(t.http.active.Load())
			return nil
		}))
	t.business.placed, errs[2] = meter.Int64Counter("orders.placed",
		metric.WithDescription("Orders placed, repeated requests left out"))
	t.business.revenue, errs[3] = meter.Int64Counter("orders.revenue.cents",
		metric.WithDescription("Value of the orders placed, in cents"))
	t.business.projected, errs[4] = meter.Int64Counter("projection.events",
		metric.WithDescription("Events taken from the outbox, by what became of them"))
	t.business.pending, errs[5] = meter.Int64Gauge("outbox.pending",
		metric.WithDescription("Events that wait in the outbox"))
	t.http.refused, errs[7] = meter.Int64Counter("http.server.refused",
		metric.WithDescription("Requests refused at the edge, by the limit they met"))
	var build metric.Int64Gauge
	build, errs[6] = meter.Int64Gauge("build.info", metric.WithDescription("What is running; always 1"))
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	build.Record(ctx, 1, labels("version", service.Version, "revision", service.Revision))
	t.business.placed.Add(ctx, 0)
	t.business.revenue.Add(ctx, 0)
	for _, reason := range refusals() {
		t.http.refused.Add(ctx, 0, labels("reason", reason))
	}
	for _, result := range []string{"applied", "duplicate", "parked", "failed"} {
		t.EventProjected(ctx, result, 0)
	}
	return nil
}

func (t *Telemetry) OrderPlaced(ctx context.Context, cents int64) {
	t.business.placed.Add(ctx, 1)
	t.business.revenue.Add(ctx, cents)
}

func (t *Telemetry) EventProjected(ctx context.Context, result string, count int64) {
	t.business.projected.Add(ctx, count, labels("result", result))
}

func (t *Telemetry) InboxPending(ctx context.Context, count int64) {
	t.business.pending.Record(ctx, count)
}

func refusals() []string {
	return []string{"rate", "load"}
}

func labels(pairs ...string) metric.MeasurementOption {
	set := make([]attribute.KeyValue, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		set = append(set, attribute.String(pairs[i], pairs[i+1]))
	}
	return metric.WithAttributeSet(attribute.NewSet(set...))
}
