package e2e_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

type collector struct {
	mu       sync.Mutex
	received map[string]*strings.Builder
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.received[r.URL.Path] == nil {
		c.received[r.URL.Path] = &strings.Builder{}
	}
	_, _ = io.Copy(c.received[r.URL.Path], body)
}

func (c *collector) text(path string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.received[path] == nil {
		return ""
	}
	return c.received[path].String()
}

func TestTelemetryArrivesUpToTheLastLine(t *testing.T) {
	t.Parallel()
	received := &collector{received: map[string]*strings.Builder{}}
	server := httptest.NewServer(received)
	defer server.Close()
	api := launch(t, build(t, "api"), "Api started", "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL, "OTEL_TRACES_SAMPLER_ARG=1")

	awaitBody(t, "http://"+api.admin+"/readyz", `"status":"ready"`)
	status, _, _ := call(t, http.MethodPost, "http://"+api.http+"/v1/orders", order, "Authorization", "Bearer s3cr3t-hunter2")
	api.terminate(t)
	api.await(t, "Api stopped")
	api.awaitExit(t, 0)

	if status != http.StatusCreated {
		t.Fatalf("got %d", status)
	}
	wanted := map[string][]string{
		"/v1/traces":  {"POST /v1/orders", "place order", "orders.add", "deployment.environment.name"},
		"/v1/metrics": {"http.server.request.duration", "orders.placed", "go_goroutines"},
		"/v1/logs":    {"Api started", "Request served", "Api stopped"},
	}
	for path, texts := range wanted {
		got := received.text(path)
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("%s did not get %q", path, text)
			}
		}
		if strings.Contains(got, "s3cr3t-hunter2") {
			t.Errorf("%s got a secret", path)
		}
	}
	if strings.Contains(received.text("/v1/traces"), "readyz") {
		t.Error("a probe is traced")
	}
}

func TestACollectorThatIsAwayHoldsUpNothing(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	api := launch(t, build(t, "api"), "Api started", "OTEL_EXPORTER_OTLP_ENDPOINT="+away.URL, "OTEL_TRACES_SAMPLER_ARG=1")

	status, _, _ := call(t, http.MethodPost, "http://"+api.http+"/v1/orders", order)
	api.terminate(t)
	api.await(t, "Failed to flush telemetry")
	api.awaitExit(t, 0)

	if status != http.StatusCreated {
		t.Errorf("got %d", status)
	}
}
