package telemetry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

func newTelemetry(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	measured, err := telemetry.New(telemetry.Service{Name: "test", Version: "1.2.3", Revision: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	return measured
}

func scrape(measured *telemetry.Telemetry) string {
	answer := httptest.NewRecorder()
	measured.Exposition.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return answer.Body.String()
}

func use(t *testing.T, measured *telemetry.Telemetry) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	_, finish := measured.RequestStarted(t.Context(), request, "/v1/orders")
	finish(http.StatusInternalServerError, time.Millisecond)
	measured.OrderPlaced(t.Context(), 2500)
	measured.InboxPending(t.Context(), 7)
}

func TestMetricsAreThoseOfTheRegistry(t *testing.T) {
	t.Parallel()
	registry, err := os.ReadFile("../../../telemetry/metrics.yaml")
	if err != nil {
		t.Fatal(err)
	}
	measured := newTelemetry(t)
	use(t, measured)

	var want, got []string
	for _, match := range regexp.MustCompile(`(?m)^ +prometheus: (\S+)\n.*\n +type: (\S+)$`).FindAllStringSubmatch(string(registry), -1) {
		want = append(want, match[1]+" "+match[2])
	}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\S+ \S+)$`).FindAllStringSubmatch(scrape(measured), -1) {
		if !strings.HasPrefix(match[1], "go_") && !strings.HasPrefix(match[1], "process_") {
			got = append(got, match[1])
		}
	}
	slices.Sort(want)
	slices.Sort(got)

	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("got %q, the registry says %q", got, want)
	}
}

func TestMetricsHaveTheirLabels(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	use(t, measured)

	text := scrape(measured)

	for _, line := range []string{
		`http_server_request_duration_seconds_count{method="GET",route="/v1/orders",status_class="5xx"} 1`,
		`http_server_active_requests 0`,
		`orders_placed_total 1`,
		`orders_revenue_cents_total 2500`,
		`projection_events_total{result="applied"} 0`,
		`outbox_pending 7`,
		`build_info{revision="abc",version="1.2.3"} 1`,
		`go_goroutines `,
		`process_open_fds `,
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestStrangeMethodsShareOneSeries(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)

	for _, method := range []string{"BREW", "WHEN"} {
		request := httptest.NewRequest(method, "/", http.NoBody)
		_, finish := measured.RequestStarted(t.Context(), request, "unmatched")
		finish(http.StatusMethodNotAllowed, time.Millisecond)
	}

	if text := scrape(measured); !strings.Contains(text, `_count{method="other",route="unmatched",status_class="4xx"} 2`) {
		t.Errorf("got %s", text)
	}
}

func TestTraceOfTheCallerIsContinued(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

	ctx, finish := measured.RequestStarted(t.Context(), request, "/")
	inner, end := measured.Span(ctx, "inner")
	end(errors.New("broken"))
	finish(http.StatusOK, time.Millisecond)

	outerSpan, innerSpan := trace.SpanContextFromContext(ctx), trace.SpanContextFromContext(inner)
	if outerSpan.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || innerSpan.TraceID() != outerSpan.TraceID() {
		t.Errorf("got traces %s and %s", outerSpan.TraceID(), innerSpan.TraceID())
	}
	if err := measured.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
