package logging

import (
	"context"
	"io"
	"log/slog"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

const redacted = "[redacted]"

var userInfo = regexp.MustCompile(`://[^/\s@]+@`)

func New(out io.Writer, level slog.Level, fields ...any) *slog.Logger {
	handler := slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: redact})
	return slog.New(traced{handler}).With(fields...)
}

func redact(_ []string, attr slog.Attr) slog.Attr {
	if isSecret(strings.ToLower(attr.Key)) {
		return slog.String(attr.Key, redacted)
	}
	if value, isError := attr.Value.Any().(error); isError {
		return slog.String(attr.Key, scrub(value.Error()))
	}
	if attr.Value.Kind() == slog.KindString {
		return slog.String(attr.Key, scrub(attr.Value.String()))
	}
	return attr
}

func isSecret(name string) bool {
	for _, part := range []string{"password", "secret", "token", "authorization", "cookie", "database_url", "api_key", "credential"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func scrub(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return userInfo.ReplaceAllString(text, "://"+redacted+"@")
}

type traced struct {
	slog.Handler
}

func (t traced) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return t.Handler.Handle(ctx, record) //nolint:wrapcheck // a handler hands its error on
}

func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{t.Handler.WithAttrs(attrs)}
}

func (t traced) WithGroup(name string) slog.Handler {
	return traced{t.Handler.WithGroup(name)}
}
