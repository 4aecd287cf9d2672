package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/logging"
)

const (
	card     = "4111111111111111"
	webToken = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
)

type unprintable struct{}

func (*unprintable) Error() string {
	panic("password=hunter2")
}

func parse(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return fields
}

func inSpan(ctx context.Context, flags trace.TraceFlags) (context.Context, trace.SpanContext) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags})
	return trace.ContextWithSpanContext(ctx, span), span
}

func TestALineIsJSONWithItsTrace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		flags trace.TraceFlags
		add   func(*slog.Logger) *slog.Logger
	}{
		"sampled":      {trace.FlagsSampled, func(l *slog.Logger) *slog.Logger { return l.With("a", 1) }},
		"not sampled":  {0, func(l *slog.Logger) *slog.Logger { return l.With("a", 1) }},
		"within group": {0, func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			ctx, span := inSpan(t.Context(), test.flags)

			test.add(logging.New(&out, slog.LevelInfo, nil, slog.String("service", "test"))).InfoContext(ctx, "Order placed", "order_id", "x")

			line := parse(t, out.Bytes())
			for _, field := range []string{"time", "level", "msg", "service", "a"} {
				if line[field] == nil {
					t.Errorf("%s is missing in %s", field, out.String())
				}
			}
			if line["trace_id"] != span.TraceID().String() || line["span_id"] != span.SpanID().String() {
				t.Errorf("trace is missing in %s", out.String())
			}
		})
	}
}

func TestGroupsKeepTheirFields(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer

	logging.New(&out, slog.LevelInfo, nil).WithGroup("g").With("b", 2).WithGroup("h").WithGroup("").Info("Order placed", "c", 3)

	if !strings.Contains(out.String(), `"g":{"b":2,"h":{"c":3}}`) {
		t.Errorf("got %s", out.String())
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	var unset *unprintable
	tests := map[string]any{
		"authorization": "hunter2",
		"db_password":   []string{"hunter2"},
		"token":         42,
		"dsn":           "postgres://user:hunter2@host/name",
		"error":         errors.New("dial postgres://user:hunter2@host/name"),
		"nil_error":     unset,
		"config_value":  config.Secret("hunter2"),
		"request":       slog.GroupValue(slog.String("cookie", "hunter2"), slog.Group("a", "note", "Bearer hunter2")),
		"number":        4111111111111111,
		"unsigned":      uint64(4111111111111111),
		"text":          "paid with " + card,
		"list":          []string{"a", webToken},
		"headers":       map[string]any{"Set-Cookie": "hunter2", "a": []any{map[string]int{"card": 4111111111111111}}},
		"structure":     struct{ Password, Note string }{"hunter2", card},
		"unmarshalable": struct {
			Func func(context.Context)
			Note string
		}{nil, "password=hunter2"},
		"stringer": bytes.NewBufferString("password=hunter2"),
		"raw":      json.RawMessage(`{"secret":"hunter2"}`),
	}
	for key, value := range tests {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			var direct, bound, exported bytes.Buffer

			logging.New(&direct, slog.LevelInfo, slog.NewTextHandler(&exported, nil)).Info("Request served", key, value, "harmless", "kept")
			logging.New(&bound, slog.LevelInfo, nil).With(key, value).Info("Request served", "harmless", "kept")

			for _, out := range []string{direct.String(), bound.String(), exported.String()} {
				for _, secret := range []string{"hunter2", card, webToken, "token\":42"} {
					if strings.Contains(out, secret) {
						t.Errorf("%s is kept in %s", secret, out)
					}
				}
				if !strings.Contains(out, "[redacted]") || !strings.Contains(out, "kept") {
					t.Errorf("got %s", out)
				}
			}
		})
	}
}

func TestAGroupWithASecretNameIsHidden(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer

	logging.New(&out, slog.LevelInfo, nil).WithGroup("credentials").With("a", "hunter2").Info("got password=hunter2", "b", "hunter2")

	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("got %s", out.String())
	}
}

func TestHarmlessFieldsKeepTheirTypes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer

	logging.New(&out, slog.LevelInfo, nil).Info("Order placed", "int", 7, "float", 1.5, "bool", true, "nil", nil, "took", time.Second,
		"list", []int{1, 2}, "error", errors.New("broken"), slog.Group("g", "a", 1))

	if want := `"int":7,"float":1.5,"bool":true,"nil":null,"took":1000000000,"list":[1,2],"error":"broken","g":{"a":1}}`; !strings.Contains(out.String(), want) {
		t.Errorf("got %s, want %s", out.String(), want)
	}
}

func TestLevelIsHeeded(t *testing.T) {
	t.Parallel()
	var out, exported bytes.Buffer
	everything := slog.NewTextHandler(&exported, &slog.HandlerOptions{Level: slog.LevelDebug})
	logger := logging.New(&out, slog.LevelWarn, everything, slog.String("service", "test")).WithGroup("g")

	logger.InfoContext(t.Context(), "Request served")
	logger.WarnContext(t.Context(), "Request refused")

	if lines, sent := strings.Count(out.String(), "\n"), strings.Count(exported.String(), "\n"); lines != 1 || sent != 1 {
		t.Errorf("got %d and %d lines, want 1: %s %s", lines, sent, out.String(), exported.String())
	}
	if strings.Contains(exported.String(), "service") {
		t.Errorf("the exported line repeats the resource: %s", exported.String())
	}
}

func FuzzLine(f *testing.F) {
	f.Add("key", "value")
	f.Add("trace_id", "\x00\xff\n")
	f.Add("a.b", `{"password":`)
	f.Fuzz(func(t *testing.T, key, value string) {
		var out bytes.Buffer
		logger := logging.New(&out, slog.LevelInfo, nil)

		logger.Info("Request served", key, value+" Bearer s3cr3t-hunter2", "x_password", value+"s3cr3t-hunter2", "list", []string{value + " " + webToken})

		if text := out.String(); strings.Contains(text, "s3cr3t-hunter2") || strings.Contains(text, webToken) || strings.Count(text, "\n") != 1 || !json.Valid(out.Bytes()) {
			t.Errorf("got %s", text)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	logger := logging.New(io.Discard, slog.LevelInfo, nil, slog.String("service", "test"))
	ctx, _ := inSpan(b.Context(), 0)
	b.ReportAllocs()
	for b.Loop() {
		logger.LogAttrs(ctx, slog.LevelInfo, "Request served",
			slog.String("method", "GET"), slog.String("route", "/v1/orders/{id}"), slog.Int("status", 200), slog.Int64("bytes", 180), slog.Int64("duration_ms", 0))
	}
}
