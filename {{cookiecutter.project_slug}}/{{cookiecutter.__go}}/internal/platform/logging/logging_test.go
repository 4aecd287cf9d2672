package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/logging"
)

func TestALineIsJSONWithItsTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithSpanContext(t.Context(), span)

	logging.New(&out, slog.LevelInfo, "service", "test").With("a", 1).InfoContext(ctx, "Order placed", "order_id", "x")

	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"time", "level", "msg", "service", "a", "order_id"} {
		if _, found := line[name]; !found {
			t.Errorf("%s is missing in %s", name, out.String())
		}
	}
	if line["trace_id"] != span.TraceID().String() || line["span_id"] != span.SpanID().String() {
		t.Errorf("trace is missing in %s", out.String())
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := logging.New(&out, slog.LevelInfo)

	logger.InfoContext(t.Context(), "Request served",
		"authorization", "Bearer hunter2",
		"db_password", "hunter2",
		"dsn", "postgres://user:hunter2@host/name",
		"error", errors.New("dial postgres://user:hunter2@host/name"),
		slog.Group("request", "cookie", "hunter2"),
		"harmless", "kept")

	if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "kept") {
		t.Errorf("got %s", out.String())
	}
}

func TestLevelIsHeeded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := logging.New(&out, slog.LevelWarn).WithGroup("g")

	logger.InfoContext(t.Context(), "Request served")
	logger.WarnContext(t.Context(), "Request refused")

	if got := strings.Count(out.String(), "\n"); got != 1 {
		t.Errorf("got %d lines, want 1: %s", got, out.String())
	}
}
