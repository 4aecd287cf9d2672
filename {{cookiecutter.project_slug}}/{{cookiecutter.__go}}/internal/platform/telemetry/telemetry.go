package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type Service struct {
	Name        string
	Process     string
	Version     string
	Revision    string
	Environment string
}

type Telemetry struct {
	Exposition http.Handler

	meters     *sdkmetric.MeterProvider
	traces     *sdktrace.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	http       httpInstruments
	business   businessInstruments
}

type httpInstruments struct {
	duration metric.Float64Histogram
	active   metric.Int64UpDownCounter
	refused  metric.Int64Counter
}

type businessInstruments struct {
	placed    metric.Int64Counter
	revenue   metric.Int64Counter
	projected metric.Int64Counter
	pending   metric.Int64Gauge
}

func New(service Service) (*Telemetry, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	exporter, err := otelprometheus.New(
		otelprometheus.WithRegisterer(registry),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("create metrics exporter: %w", err)
	}
	about := resource.NewSchemaless(
		attribute.String("service.name", service.Name),
		attribute.String("service.version", service.Version),
		attribute.String("deployment.environment.name", service.Environment),
		attribute.String("process.name", service.Process),
	)
	built := &Telemetry{
		Exposition: promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}),
		meters:     sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(about)),
		traces:     sdktrace.NewTracerProvider(sdktrace.WithResource(about)),
		propagator: propagation.TraceContext{},
	}
	built.tracer = built.traces.Tracer(service.Name)
	if err := built.instruments(service); err != nil {
		return nil, fmt.Errorf("create instruments: %w", err)
	}
	return built, nil
}

func (t *Telemetry) instruments(service Service) error {
	meter := t.meters.Meter(service.Name)
	var errs [8]error
	t.http.duration, errs[0] = meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from the first byte of a request to the last of its answer"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10))
	t.http.active, errs[1] = meter.Int64UpDownCounter("http.server.active_requests",
		metric.WithDescription("Requests being served"))
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
	ctx := context.Background()
	build.Record(ctx, 1, metric.WithAttributes(
		attribute.String("version", service.Version), attribute.String("revision", service.Revision)))
	t.business.placed.Add(ctx, 0)
	t.business.revenue.Add(ctx, 0)
	for _, reason := range []string{"rate", "load"} {
		t.http.refused.Add(ctx, 0, metric.WithAttributes(attribute.String("reason", reason)))
	}
	for _, result := range []string{"applied", "duplicate", "parked", "failed"} {
		t.EventProjected(ctx, result, 0)
	}
	return nil
}

func (t *Telemetry) Shutdown(ctx context.Context) error {
	return errors.Join(t.traces.Shutdown(ctx), t.meters.Shutdown(ctx))
}

func (t *Telemetry) OrderPlaced(ctx context.Context, cents int64) {
	t.business.placed.Add(ctx, 1)
	t.business.revenue.Add(ctx, cents)
}

func (t *Telemetry) EventProjected(ctx context.Context, result string, count int64) {
	t.business.projected.Add(ctx, count, metric.WithAttributes(attribute.String("result", result)))
}

func (t *Telemetry) InboxPending(ctx context.Context, count int64) {
	t.business.pending.Record(ctx, count)
}

func (t *Telemetry) Span(ctx context.Context, name string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, name)
		}
		span.End()
	}
}

func (t *Telemetry) RequestStarted(ctx context.Context, r *http.Request, route string) (context.Context, func(int, time.Duration)) {
	ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, route, trace.WithSpanKind(trace.SpanKindServer))
	t.http.active.Add(ctx, 1)
	return ctx, func(status int, took time.Duration) {
		t.http.active.Add(ctx, -1)
		t.http.duration.Record(ctx, took.Seconds(), metric.WithAttributes(
			attribute.String("method", method(r.Method)),
			attribute.String("route", route),
			attribute.String("status_class", fmt.Sprintf("%dxx", status/100)),
		))
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

func (t *Telemetry) RequestRefused(ctx context.Context, reason string) {
	t.http.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return name
	default:
		return "other"
	}
}
