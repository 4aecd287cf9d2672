package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"{{ cookiecutter.__go_module }}/internal/adapters/httpapi"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/auth"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
	"{{ cookiecutter.__go_module }}/internal/platform/logging"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const placement = `{"customer_id":"c-1","items":[{"sku":"KEEL-1","quantity":2,"unit_price_cents":1250}]}`

type spans struct {
	mu   sync.Mutex
	kept []sdktrace.ReadOnlySpan
}

func (s *spans) ExportSpans(_ context.Context, batch []sdktrace.ReadOnlySpan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, batch...)
	return nil
}

func (s *spans) Shutdown(context.Context) error {
	return nil
}

func (s *spans) named(name string) sdktrace.ReadOnlySpan {
	if at := slices.IndexFunc(s.kept, func(span sdktrace.ReadOnlySpan) bool { return span.Name() == name }); at >= 0 {
		return s.kept[at]
	}
	return nil
}

type traced struct {
	http.Handler

	telemetry *telemetry.Telemetry
	spans     *spans
	lines     *bytes.Buffer
}

func newTraced(t *testing.T, orders order.Repository, summaries app.Summaries, ratio float64) traced {
	t.Helper()
	kept, lines := &spans{}, &bytes.Buffer{}
	measured, err := telemetry.New(t.Context(), telemetry.Settings{
		Service: telemetry.Service{Name: "test"}, Exporters: telemetry.Exporters{Traces: kept}, SampleRatio: ratio,
	})
	if err != nil {
		t.Fatal(err)
	}
	logger := logging.New(lines, slog.LevelDebug, nil)
	application := app.New(app.Dependencies{
		Orders: orders, Summaries: summaries, Metrics: measured, Tracer: measured, Logger: logger,
		Clock: time.Now, IdempotencyTTL: time.Hour, Timeout: time.Second,
	})
	handler := httpserver.Wrap(httpapi.New(application, auth.Open(logger), logger), httpserver.Options{
		Observer: measured.Requests("limit"), Logger: logger, RequestTimeout: time.Second, MaxBodyBytes: 4096,
	})
	return traced{Handler: handler, telemetry: measured, spans: kept, lines: lines}
}

func (r traced) stop(t *testing.T) {
	t.Helper()
	if err := r.telemetry.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

type brokenOrders struct {
	*memory.Store

	err error
}

func (b brokenOrders) Add(context.Context, order.Placement) (order.Order, bool, error) {
	return order.Order{}, false, b.err
}

func ask(handler http.Handler, method, target, content string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, strings.NewReader(content))
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

func TestARequestIsOneTraceDownToTheStore(t *testing.T) {
	t.Parallel()
	store := memory.New()
	handler := newTraced(t, store, store, 1)

	placed := ask(handler, http.MethodPost, "/v1/orders", placement)
	handler.stop(t)

	chain := []string{"POST /v1/orders", "place order", "orders.add"}
	if placed.Code != http.StatusCreated || len(handler.spans.kept) != len(chain) {
		t.Fatalf("got %d and %d spans", placed.Code, len(handler.spans.kept))
	}
	parent := handler.spans.named(chain[0])
	for _, name := range chain[1:] {
		span := handler.spans.named(name)
		if span.SpanContext().TraceID() != parent.SpanContext().TraceID() || span.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("%s does not belong to %s", name, parent.Name())
		}
		parent = span
	}
}

func TestEveryLineOfARequestCarriesItsTrace(t *testing.T) {
	t.Parallel()
	for _, ratio := range []float64{0, 1} {
		store := memory.New()
		handler := newTraced(t, store, store, ratio)

		ask(handler, http.MethodPost, "/v1/orders", placement, "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
		ask(handler, http.MethodPost, "/v1/orders", placement)
		handler.stop(t)

		lines := strings.Split(strings.TrimSpace(handler.lines.String()), "\n")
		perRequest := len(lines) / 2
		if perRequest < 3 {
			t.Fatalf("got %d lines: %s", len(lines), handler.lines)
		}
		for i, line := range lines {
			if strings.Contains(line, `"trace_id":"0af7651916cd43dd8448eb211c80319c"`) != (i < perRequest) || !strings.Contains(line, `"trace_id":"`) || !strings.Contains(line, `"span_id":"`) {
				t.Errorf("ratio %g: no trace in %s", ratio, line)
			}
		}
		if want := int(ratio) * 3; len(handler.spans.kept) != want {
			t.Errorf("ratio %g: %d spans, want %d: a caller that does not record decides", ratio, len(handler.spans.kept), want)
		}
	}
}

func TestAFailureOfTheStoreIsRecordedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	broken := brokenOrders{memory.New(), errors.New("dial postgres://user:hunter2@host: refused")}
	handler := newTraced(t, broken, broken, 1)

	answer := ask(handler, http.MethodPost, "/v1/orders", placement)
	handler.stop(t)

	if answer.Code != http.StatusInternalServerError || len(handler.spans.kept) != 3 {
		t.Fatalf("got %d and %d spans", answer.Code, len(handler.spans.kept))
	}
	for _, span := range handler.spans.kept {
		if span.Status().Code != codes.Error {
			t.Errorf("%s is %s", span.Name(), span.Status().Code)
		}
	}
	if events := fmt.Sprint(handler.spans.named("orders.add").Events()); !strings.Contains(events, "refused") {
		t.Errorf("the cause is missing in %s", events)
	}
	refuseSecrets(t, handler, "hunter2")
}

func TestSpansHoldNoSecretOfARequest(t *testing.T) {
	t.Parallel()
	store := memory.New()
	handler := newTraced(t, store, store, 1)

	ask(handler, http.MethodGet, "/v1/orders?limit=7&cursor=s3cr3t", "", "Authorization", "Bearer s3cr3t", "Cookie", "session=s3cr3t")
	ask(handler, http.MethodGet, "/v1/orders?limit=4111111111111111", "", "Authorization", "Bearer s3cr3t")
	ask(handler, "BREW", "/s3cr3t", "s3cr3t", "X-Api-Key", "s3cr3t")
	ask(handler, http.MethodPost, "/v1/orders", strings.Replace(placement, "c-1", "s3cr3t", 1), "Idempotency-Key", "s3cr3t")
	handler.stop(t)

	if text := fmt.Sprint(handler.spans.named("GET /v1/orders").Attributes()); !strings.Contains(text, `"http.request.query.limit":"7"`) {
		t.Errorf("the named parameter is missing in %s", text)
	}
	if handler.spans.named("other unmatched") == nil {
		t.Error("a strange method or path has no common name")
	}
	refuseSecrets(t, handler, "s3cr3t")
	refuseSecrets(t, handler, "4111111111111111")
}

func TestAPanicEndsItsSpans(t *testing.T) {
	t.Parallel()
	handler := newTraced(t, memory.New(), nil, 1)

	answer := ask(handler, http.MethodGet, "/v1/summaries/daily?date=2026-11-21", "")
	handler.stop(t)

	useCase := handler.spans.named("daily summary")
	if answer.Code != http.StatusInternalServerError || useCase == nil || useCase.Status().Code != codes.Error {
		t.Errorf("got %d and %v", answer.Code, useCase)
	}
}

func refuseSecrets(t *testing.T, handler traced, secret string) {
	t.Helper()
	for _, span := range handler.spans.kept {
		text := fmt.Sprint(span.Name(), span.Status(), span.Attributes(), span.Events())
		if strings.Contains(text, secret) {
			t.Errorf("%s tells the secret: %s", span.Name(), text)
		}
	}
	if strings.Contains(handler.lines.String(), secret) {
		t.Errorf("the log tells the secret: %s", handler.lines)
	}
}
