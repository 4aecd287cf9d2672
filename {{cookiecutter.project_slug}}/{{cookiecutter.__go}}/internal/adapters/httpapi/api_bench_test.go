package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/httpapi"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/platform/auth"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
	"{{ cookiecutter.__go_module }}/internal/platform/logging"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

func newWholeEdge(b *testing.B) http.Handler {
	b.Helper()
	measured, err := telemetry.New(b.Context(), telemetry.Settings{Service: telemetry.Service{Name: "test"}})
	if err != nil {
		b.Fatal(err)
	}
	logger := logging.New(io.Discard, slog.LevelInfo, nil, slog.String("service", "test"))
	store := memory.New()
	application := app.New(app.Dependencies{
		Orders: store, Summaries: store, Metrics: measured, Tracer: measured, Logger: logger,
		Clock: time.Now, IdempotencyTTL: time.Hour, Timeout: time.Second,
	})
	return httpserver.Wrap(httpapi.New(application, auth.Open(logger), logger), httpserver.Options{
		Observer: measured.Requests("limit", "date"), Logger: logger, RequestTimeout: time.Second, MaxBodyBytes: 1 << 20,
		MaxInFlight: 512, Rate: httpserver.Rate{PerSecond: 1e9, Burst: 1e9},
	})
}

func BenchmarkAPI(b *testing.B) {
	handler := newWholeEdge(b)
	known := send(handler, http.MethodPost, "/v1/orders", body).Header().Get("Location")
	requests := []struct {
		name, method, target, content string
		status                        int
	}{
		{"read one", http.MethodGet, known, "", http.StatusOK},
		{"read a page", http.MethodGet, "/v1/orders?limit=20", "", http.StatusOK},
		{"write", http.MethodPost, "/v1/orders", body, http.StatusCreated},
		{"refuse a write", http.MethodPost, "/v1/orders", `{"customer_id":"c-1"}`, http.StatusBadRequest},
	}
	for _, one := range requests {
		b.Run(one.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request := httptest.NewRequest(one.method, one.target, strings.NewReader(one.content))
				request.Header.Set("Content-Type", "application/json")
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				if answer.Code != one.status {
					b.Fatalf("got %d %s", answer.Code, answer.Body)
				}
			}
		})
	}
}
