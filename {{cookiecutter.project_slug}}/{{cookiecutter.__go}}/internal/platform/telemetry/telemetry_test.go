package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/logging"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const incoming = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"

type kept struct {
	mu      sync.Mutex
	spans   []sdktrace.ReadOnlySpan
	metrics []string
	records []sdklog.Record
}

type keptSpans struct{ *kept }

func (k keptSpans) ExportSpans(_ context.Context, batch []sdktrace.ReadOnlySpan) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spans = append(k.spans, batch...)
	return nil
}

func (k keptSpans) Shutdown(context.Context) error { return nil }

type keptMetrics struct{ *kept }

func (k keptMetrics) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(kind)
}

func (k keptMetrics) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

func (k keptMetrics) Export(_ context.Context, batch *metricdata.ResourceMetrics) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, scope := range batch.ScopeMetrics {
		for _, one := range scope.Metrics {
			k.metrics = append(k.metrics, one.Name)
		}
	}
	return nil
}

func (k keptMetrics) ForceFlush(context.Context) error { return nil }

func (k keptMetrics) Shutdown(context.Context) error { return nil }

type keptLogs struct{ *kept }

func (k keptLogs) Export(_ context.Context, batch []sdklog.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, record := range batch {
		k.records = append(k.records, record.Clone())
	}
	return nil
}

func (k keptLogs) ForceFlush(context.Context) error { return nil }

func (k keptLogs) Shutdown(context.Context) error { return nil }

func service() telemetry.Service {
	return telemetry.Service{Name: "test", Process: "api", Version: "1.2.3", Revision: "abc", Environment: "local"}
}

func newTelemetry(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	measured, err := telemetry.New(t.Context(), telemetry.Settings{Service: service()})
	if err != nil {
		t.Fatal(err)
	}
	return measured
}

func newExported(t *testing.T, ratio float64) (*telemetry.Telemetry, *kept) {
	t.Helper()
	exported := &kept{}
	measured, err := telemetry.New(t.Context(), telemetry.Settings{
		Service:     service(),
		Exporters:   telemetry.Exporters{Traces: keptSpans{exported}, Metrics: keptMetrics{exported}, Logs: keptLogs{exported}},
		SampleRatio: ratio,
	})
	if err != nil {
		t.Fatal(err)
	}
	return measured, exported
}

func serve(ctx context.Context, requests *telemetry.Requests, request *http.Request, route string, status int) context.Context {
	ctx = requests.RequestStarted(ctx, request)
	requests.RequestServed(ctx, request, route, status, time.Millisecond)
	return ctx
}

func TestTraceOfTheCallerIsContinued(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	request.Header.Set("Traceparent", incoming+"01")

	ctx := measured.Requests().RequestStarted(t.Context(), request)
	inner, end := measured.Span(ctx, "inner")
	end(errors.New("broken"))

	outerSpan, innerSpan := trace.SpanContextFromContext(ctx), trace.SpanContextFromContext(inner)
	if outerSpan.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || innerSpan.TraceID() != outerSpan.TraceID() {
		t.Errorf("got traces %s and %s", outerSpan.TraceID(), innerSpan.TraceID())
	}
	if err := measured.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhoBeganATraceDecidesWhetherItIsRecorded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header string
		ratio  float64
		want   int
	}{
		"new, all":                {"", 1, 2},
		"new, none":               {"", 0, 0},
		"caller records":          {incoming + "01", 0, 2},
		"caller does not record":  {incoming + "00", 1, 0},
		"caller writes nonsense":  {"nonsense", 1, 2},
		"header of another trace": {"00-00000000000000000000000000000000-b7ad6b7169203331-01", 1, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			measured, exported := newExported(t, test.ratio)
			request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			if test.header != "" {
				request.Header.Set("Traceparent", test.header)
			}
			requests := measured.Requests()

			ctx := requests.RequestStarted(t.Context(), request)
			_, end := measured.Span(ctx, "inner")
			end(nil)
			requests.RequestServed(ctx, request, "/", http.StatusOK, time.Millisecond)
			err := measured.Shutdown(t.Context())

			if err != nil || len(exported.spans) != test.want {
				t.Errorf("got %d spans, %v, want %d", len(exported.spans), err, test.want)
			}
		})
	}
}

func TestAboutTheRatioOfNewTracesIsRecorded(t *testing.T) {
	t.Parallel()
	measured, exported := newExported(t, .25)
	requests := measured.Requests()

	for range 2000 {
		serve(t.Context(), requests, httptest.NewRequest(http.MethodGet, "/", http.NoBody), "/", http.StatusOK)
	}
	err := measured.Shutdown(t.Context())

	if share := float64(len(exported.spans)) / 2000; err != nil || math.Abs(share-.25) > .06 {
		t.Errorf("got %g, %v", share, err)
	}
}

func TestSpansOfALongProcessAreTracesOfTheirOwn(t *testing.T) {
	t.Parallel()
	measured, exported := newExported(t, 1)
	ctx := measured.Lifetime(t.Context())

	for range 2 {
		batch, end := measured.Span(ctx, "batch")
		_, endInner := measured.Span(batch, "inner")
		endInner(nil)
		end(nil)
	}
	err := measured.Shutdown(t.Context())

	traces := map[trace.TraceID]int{}
	for _, span := range exported.spans {
		traces[span.SpanContext().TraceID()]++
	}
	if own := trace.SpanContextFromContext(ctx); err != nil || len(traces) != 2 || traces[own.TraceID()] != 0 || !own.IsValid() {
		t.Errorf("got %v, %v", traces, err)
	}
}

func TestEverythingLeavesWithItsTagsAtTheLatestAtShutdown(t *testing.T) {
	t.Parallel()
	measured, exported := newExported(t, 1)
	var out bytes.Buffer
	logger := logging.New(&out, slog.LevelInfo, measured.LogHandler(), slog.String("service", "test"))

	ctx := serve(t.Context(), measured.Requests(), httptest.NewRequest(http.MethodGet, "/", http.NoBody), "/", http.StatusOK)
	logger.InfoContext(ctx, "Request served", "authorization", "hunter2", "note", "Bearer hunter2")
	err := measured.Shutdown(t.Context())

	if err != nil || len(exported.spans) != 1 || len(exported.records) != 1 {
		t.Fatalf("got %d spans, %d records, %v", len(exported.spans), len(exported.records), err)
	}
	span, record := exported.spans[0], exported.records[0]
	for _, name := range []string{"http.server.request.duration", "orders.placed", "go_goroutines", "process_open_fds"} {
		if !slices.Contains(exported.metrics, name) {
			t.Errorf("%s is missing in %q", name, exported.metrics)
		}
	}
	if record.TraceID() != span.SpanContext().TraceID() || !strings.Contains(out.String(), record.TraceID().String()) {
		t.Errorf("the record is of trace %s, the span of %s, the line is %s", record.TraceID(), span.SpanContext().TraceID(), out.String())
	}
	for _, tag := range []string{"service.name=test", "service.version=1.2.3", "deployment.environment.name=local", "service.instance.id="} {
		if !strings.Contains(span.Resource().String(), tag) || !strings.Contains(record.Resource().String(), tag) {
			t.Errorf("%s is missing in %s", tag, span.Resource())
		}
	}
	record.WalkAttributes(func(attr attribute.KeyValue) bool {
		if strings.Contains(attr.Value.String(), "hunter2") {
			t.Errorf("the secret leaves in %v", attr)
		}
		return true
	})
}

func TestNothingIsBuiltWithoutAWayOut(t *testing.T) {
	t.Parallel()

	exporters, err := telemetry.OTLP(t.Context(), telemetry.Collector{})

	if err != nil || exporters != (telemetry.Exporters{}) || newTelemetry(t).LogHandler() != nil {
		t.Errorf("got %+v, %v", exporters, err)
	}
}

func TestACollectorThatIsAwayStopsNeitherStartNorEnd(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	to := telemetry.Collector{Endpoint: away.URL, Traces: true, Metrics: true, Logs: true}
	exporters, errBuild := telemetry.OTLP(t.Context(), to)
	measured, errNew := telemetry.New(t.Context(), telemetry.Settings{Service: service(), Exporters: exporters, SampleRatio: 1})
	if err := errors.Join(errBuild, errNew); err != nil {
		t.Fatal(err)
	}
	serve(t.Context(), measured.Requests(), httptest.NewRequest(http.MethodGet, "/", http.NoBody), "/", http.StatusOK)

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := measured.Shutdown(ctx)

	if took := time.Since(started); err == nil || took > 5*time.Second {
		t.Errorf("got %v after %s, want the loss told in time", err, took)
	}
}

func TestACollectorGetsEverySignalAndItsHeaders(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]string{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] = r.Header.Get("Api-Key") + " " + r.Header.Get("Content-Encoding")
	}))
	defer collector.Close()
	exporters, errBuild := telemetry.OTLP(t.Context(), telemetry.Collector{
		Endpoint: collector.URL + "/", Headers: map[string]string{"Api-Key": "key"}, Traces: true, Metrics: true, Logs: true,
	})
	measured, errNew := telemetry.New(t.Context(), telemetry.Settings{Service: service(), Exporters: exporters, SampleRatio: 1})
	if err := errors.Join(errBuild, errNew); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(measured.LogHandler())

	ctx := serve(t.Context(), measured.Requests(), httptest.NewRequest(http.MethodGet, "/", http.NoBody), "/", http.StatusOK)
	logger.InfoContext(ctx, "Request served")
	err := measured.Shutdown(t.Context())

	mu.Lock()
	defer mu.Unlock()
	for _, path := range []string{"/v1/traces", "/v1/metrics", "/v1/logs"} {
		if err != nil || got[path] != "key gzip" {
			t.Errorf("%s got %q, %v", path, got[path], err)
		}
	}
}

type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func TestTroublesOfTheSDKAreLinesOfTheLog(t *testing.T) {
	t.Parallel()
	written := make(lines, 1000)
	telemetry.ReportTo(logging.New(written, slog.LevelInfo, nil))

	otel.Handle(errors.New("send to collector: token=hunter2 refused"))

	for line := range written {
		if strings.Contains(line, "send to collector: token=[redacted] refused") && strings.Contains(line, `"msg":"Failed to export telemetry"`) {
			return
		}
	}
}
