package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/redact"
)

func newLifetime() trace.SpanContext {
	var config trace.SpanContextConfig
	_, _ = rand.Read(config.TraceID[:])
	_, _ = rand.Read(config.SpanID[:])
	return trace.NewSpanContext(config)
}

// Lifetime gives the context of a process that runs until it is told to stop. Its log lines share one trace id; no span
// of that length is recorded, and each span below it begins a trace of its own.
func (t *Telemetry) Lifetime(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, t.lifetime)
}

// Span begins a span and gives its context and how to end it. Below a trace that is not recorded it costs nothing.
func (t *Telemetry) Span(ctx context.Context, name string) (context.Context, func(error)) {
	parent := trace.SpanContextFromContext(ctx)
	var options []trace.SpanStartOption
	switch {
	case parent.TraceID() == t.lifetime.TraceID():
		options = []trace.SpanStartOption{trace.WithNewRoot()}
	case parent.IsValid() && !parent.IsSampled():
		return ctx, ignored
	}
	ctx, span := t.tracer.Start(ctx, name, options...)
	return ctx, func(err error) {
		fail(span, name, err)
		span.End()
	}
}

func ignored(error) {}

func fail(span trace.Span, description string, err error) {
	if err == nil || !span.IsRecording() {
		return
	}
	span.AddEvent("exception", trace.WithAttributes(
		attribute.String("exception.type", fmt.Sprintf("%T", err)),
		attribute.String("exception.message", redact.Text(err.Error())),
	))
	span.SetStatus(codes.Error, description)
}
