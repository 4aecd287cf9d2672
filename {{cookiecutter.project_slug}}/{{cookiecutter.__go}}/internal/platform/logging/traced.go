package logging

import (
	"context"
	"encoding/hex"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

type group struct {
	name  string
	attrs []slog.Attr
}

type traced struct {
	base   slog.Handler
	groups []group
}

func (t traced) Enabled(ctx context.Context, level slog.Level) bool {
	return t.base.Enabled(ctx, level)
}

func (t traced) Handle(ctx context.Context, record slog.Record) error {
	if len(t.groups) > 0 {
		record = t.nest(record)
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		traceID, spanID := identifiers(span)
		record.AddAttrs(slog.String("trace_id", traceID), slog.String("span_id", spanID))
	}
	return t.base.Handle(ctx, record) //nolint:wrapcheck // a handler hands its error on
}

func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(t.groups) == 0 {
		return traced{base: t.base.WithAttrs(attrs)}
	}
	groups := slices.Clone(t.groups)
	last := &groups[len(groups)-1]
	last.attrs = append(slices.Clip(last.attrs), attrs...)
	return traced{base: t.base, groups: groups}
}

func (t traced) WithGroup(name string) slog.Handler {
	if name == "" {
		return t
	}
	return traced{base: t.base, groups: append(slices.Clip(t.groups), group{name: name})}
}

func (t traced) nest(record slog.Record) slog.Record {
	attrs := make([]slog.Attr, 0, record.NumAttrs())
	record.Attrs(func(attr slog.Attr) bool {
		attrs = append(attrs, attr)
		return true
	})
	for _, one := range slices.Backward(t.groups) {
		attrs = []slog.Attr{slog.GroupAttrs(one.name, append(slices.Clip(one.attrs), attrs...)...)}
	}
	nested := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	nested.AddAttrs(attrs...)
	return nested
}

func identifiers(span trace.SpanContext) (traceID, spanID string) {
	trace, id := span.TraceID(), span.SpanID()
	text := make([]byte, 0, 2*(len(trace)+len(id)))
	text = hex.AppendEncode(text, trace[:])
	both := string(hex.AppendEncode(text, id[:]))
	return both[:2*len(trace)], both[2*len(trace):]
}
