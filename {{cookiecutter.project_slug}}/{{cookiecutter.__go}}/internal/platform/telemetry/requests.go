package telemetry

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/memo"
	"{{ cookiecutter.__go_module }}/internal/platform/redact"
)

const (
	otherMethod     = "other"
	longestSpanText = 64
)

type series struct {
	method string
	route  string
	class  string
}

// Requests measures and traces the requests of a listener. Of their parameters a span holds those that are named.
type Requests struct {
	telemetry  *Telemetry
	parameters []string
	server     []trace.SpanStartOption
	refused    map[string][]metric.AddOption
	measured   *memo.Memo[series, []metric.RecordOption]
}

func (t *Telemetry) Requests(parameters ...string) *Requests {
	requests := &Requests{
		telemetry:  t,
		parameters: parameters,
		server:     []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)},
		refused:    map[string][]metric.AddOption{},
		measured:   memo.New(series.options),
	}
	for _, reason := range refusals() {
		requests.refused[reason] = []metric.AddOption{labels("reason", reason)}
	}
	return requests
}

func (r *Requests) RequestStarted(ctx context.Context, request *http.Request) context.Context {
	if len(request.Header["Traceparent"]) > 0 {
		ctx = r.telemetry.propagator.Extract(ctx, propagation.HeaderCarrier(request.Header))
	}
	ctx, _ = r.telemetry.tracer.Start(ctx, "request", r.server...) //nolint:spancheck // RequestServed ends it
	r.telemetry.http.active.Add(1)
	return ctx
}

func (r *Requests) RequestServed(ctx context.Context, request *http.Request, route string, status int, took time.Duration) {
	measured := series{method: method(request.Method), route: route, class: class(status)}
	r.telemetry.http.active.Add(-1)
	r.telemetry.http.duration.Record(ctx, took.Seconds(), r.measured.Get(measured)...)
	span := trace.SpanFromContext(ctx)
	if span.IsRecording() {
		r.describe(span, request, measured, status)
	}
	span.End()
}

func (r *Requests) RequestRefused(ctx context.Context, reason string) {
	r.telemetry.http.refused.Add(ctx, 1, r.refused[reason]...)
}

func (s series) options() []metric.RecordOption {
	return []metric.RecordOption{labels("method", s.method, "route", s.route, "status_class", s.class)}
}

func (r *Requests) describe(span trace.Span, request *http.Request, measured series, status int) {
	span.SetName(measured.method + " " + measured.route)
	span.SetAttributes(
		attribute.String("http.request.method", measured.method),
		attribute.String("http.route", measured.route),
		attribute.Int("http.response.status_code", status),
	)
	if request.URL.RawQuery != "" {
		query := request.URL.Query()
		for _, name := range r.parameters {
			if query.Has(name) {
				span.SetAttributes(attribute.String("http.request.query."+name, parameter(query, name)))
			}
		}
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
}

func parameter(query url.Values, name string) string {
	value := redact.Text(strings.ToValidUTF8(query.Get(name), ""))
	if len(value) > longestSpanText {
		return strings.ToValidUTF8(value[:longestSpanText], "")
	}
	return value
}

func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return name
	default:
		return otherMethod
	}
}

func class(status int) string {
	switch status / 100 {
	case 1:
		return "1xx"
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	default:
		return "5xx"
	}
}
