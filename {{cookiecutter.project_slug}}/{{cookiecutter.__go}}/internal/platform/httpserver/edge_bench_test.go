package httpserver_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
	"{{ cookiecutter.__go_module }}/internal/platform/logging"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

type dropped struct{}

func (dropped) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return nil
}

func (dropped) Shutdown(context.Context) error {
	return nil
}

type sink struct {
	header http.Header
}

func (s *sink) Header() http.Header {
	return s.header
}

func (s *sink) Write(body []byte) (int, error) {
	return len(body), nil
}

func (s *sink) WriteHeader(int) {}

func router() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/orders/{id}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{}"))
	})
	return mux
}

func edge(b *testing.B, exporters telemetry.Exporters, ratio float64) http.Handler {
	b.Helper()
	measured, err := telemetry.New(b.Context(), telemetry.Settings{
		Service: telemetry.Service{Name: "test"}, Exporters: exporters, SampleRatio: ratio,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = measured.Shutdown(context.WithoutCancel(b.Context())) })
	return httpserver.Wrap(router(), httpserver.Options{
		Observer:       measured.Requests("limit"),
		Logger:         logging.New(io.Discard, slog.LevelInfo, measured.LogHandler(), slog.String("service", "test")),
		RequestTimeout: 10 * time.Second,
		MaxBodyBytes:   1 << 20,
		MaxInFlight:    512,
		Rate:           httpserver.Rate{PerSecond: 1e9, Burst: 1e9},
	})
}

func BenchmarkEdge(b *testing.B) {
	exported := telemetry.Exporters{Traces: dropped{}}
	handlers := []struct {
		name    string
		handler http.Handler
	}{
		{"router alone", router()},
		{"whole edge", edge(b, telemetry.Exporters{}, 0)},
		{"whole edge, a tenth of traces", edge(b, exported, .1)},
		{"whole edge, every trace", edge(b, exported, 1)},
	}
	for _, one := range handlers {
		b.Run(one.name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, "/v1/orders/4711", http.NoBody)
			answer := &sink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				one.handler.ServeHTTP(answer, request)
			}
		})
	}
}
