package telemetry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	prometheusbridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const maxSeries = 2000

type Service struct {
	Name        string
	Process     string
	Version     string
	Revision    string
	Environment string
}

// Exporters are the ways out of the process beside the scrape. A signal without one stays inside.
type Exporters struct {
	Traces  sdktrace.SpanExporter
	Metrics sdkmetric.Exporter
	Logs    sdklog.Exporter
}

// Settings of telemetry. SampleRatio is the share of new traces that are recorded, 0 to 1; a trace that began elsewhere
// or in a parent span keeps the decision made there.
type Settings struct {
	Service     Service
	Exporters   Exporters
	SampleRatio float64
}

type Telemetry struct {
	Exposition http.Handler

	meters     *sdkmetric.MeterProvider
	traces     *sdktrace.TracerProvider
	logs       *sdklog.LoggerProvider
	name       string
	tracer     trace.Tracer
	lifetime   trace.SpanContext
	propagator propagation.TextMapPropagator
	http       httpInstruments
	business   businessInstruments
}

func New(ctx context.Context, settings Settings) (*Telemetry, error) {
	runtime := prometheus.NewRegistry()
	runtime.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	registry := prometheus.NewRegistry()
	scrape, err := otelprometheus.New(
		otelprometheus.WithRegisterer(registry),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("create metrics exporter: %w", err)
	}
	about := describe(settings.Service)
	built := &Telemetry{
		Exposition: promhttp.HandlerFor(prometheus.Gatherers{registry, runtime},
			promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}),
		meters:     newMeters(about, scrape, settings.Exporters.Metrics, runtime),
		traces:     newTraces(about, settings.Exporters.Traces, settings.SampleRatio),
		logs:       newLogs(about, settings.Exporters.Logs),
		name:       settings.Service.Name,
		lifetime:   newLifetime(),
		propagator: propagation.TraceContext{},
	}
	built.tracer = built.traces.Tracer(built.name)
	if err := built.instruments(ctx, settings.Service); err != nil {
		return nil, fmt.Errorf("create instruments: %w", err)
	}
	return built, nil
}

func describe(service Service) *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("service.name", service.Name),
		attribute.String("service.version", service.Version),
		attribute.String("service.instance.id", rand.Text()),
		attribute.String("deployment.environment.name", service.Environment),
		attribute.String("process.name", service.Process),
		attribute.String("vcs.ref.head.revision", service.Revision),
	)
}

func newMeters(about *resource.Resource, scrape sdkmetric.Reader, export sdkmetric.Exporter, runtime prometheus.Gatherer) *sdkmetric.MeterProvider {
	options := []sdkmetric.Option{
		sdkmetric.WithResource(about),
		sdkmetric.WithCardinalityLimit(maxSeries),
		sdkmetric.WithReader(scrape),
	}
	if export == nil {
		return sdkmetric.NewMeterProvider(append(options, sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter))...)
	}
	producer := prometheusbridge.NewMetricProducer(prometheusbridge.WithGatherer(runtime))
	return sdkmetric.NewMeterProvider(append(options,
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(export, sdkmetric.WithProducer(producer))))...)
}

func newTraces(about *resource.Resource, export sdktrace.SpanExporter, ratio float64) *sdktrace.TracerProvider {
	if export == nil {
		return sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))),
		sdktrace.WithBatcher(export),
	)
}

func newLogs(about *resource.Resource, export sdklog.Exporter) *sdklog.LoggerProvider {
	if export == nil {
		return nil
	}
	return sdklog.NewLoggerProvider(sdklog.WithResource(about), sdklog.WithProcessor(sdklog.NewBatchProcessor(export)))
}

// LogHandler gives what log records leave the process through, or nil when they do not.
func (t *Telemetry) LogHandler() slog.Handler {
	if t.logs == nil {
		return nil
	}
	return otelslog.NewHandler(t.name, otelslog.WithLoggerProvider(t.logs))
}

// Shutdown sends what is still held back and ends every export. It returns by the deadline of its context.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	errs := []error{t.traces.Shutdown(ctx), t.meters.Shutdown(ctx)}
	if t.logs != nil {
		errs = append(errs, t.logs.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
