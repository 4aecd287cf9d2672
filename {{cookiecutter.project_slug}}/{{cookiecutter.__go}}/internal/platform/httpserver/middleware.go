package httpserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/memo"
)

// Observer is told of every request when it comes, when it was answered, and when a limit refused it. The context that
// RequestStarted gives is the one the request is served in.
type Observer interface {
	RequestStarted(ctx context.Context, r *http.Request) context.Context
	RequestServed(ctx context.Context, r *http.Request, route string, status int, took time.Duration)
	RequestRefused(ctx context.Context, reason string)
}

type Options struct {
	Observer       Observer
	Logger         *slog.Logger
	RequestTimeout time.Duration
	MaxBodyBytes   int64
	MaxInFlight    int64
	Rate           Rate
	TrustedProxies []netip.Prefix
	AllowedOrigins []string
}

const (
	unmatched = "unmatched"

	RefusedByRate = "rate"
	RefusedByLoad = "load"
)

type edge struct {
	mux      *http.ServeMux
	options  Options
	limiter  *limiter
	loggers  *memo.Memo[outcome, *slog.Logger]
	headers  []header
	inFlight atomic.Int64
}

type outcome struct {
	method string
	route  string
	status int
}

type header struct {
	name   string
	values []string
}

// Wrap puts a router behind the things that every request passes: headers, measurement, log, recovery, limits.
func Wrap(mux *http.ServeMux, options Options) http.Handler {
	return &edge{
		mux:     mux,
		options: options,
		limiter: newLimiter(options.Rate, options.TrustedProxies),
		loggers: memo.New(func(known outcome) *slog.Logger { return known.logger(options.Logger) }),
		headers: security(),
	}
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	ctx := e.options.Observer.RequestStarted(r.Context(), r)
	limited := withDeadline(ctx, started.Add(e.options.RequestTimeout))
	defer limited.end()
	answer := &recorder{
		ResponseWriter: w,
		request:        r.WithContext(limited), //nolint:contextcheck // it descends from the request's own
		tidy:           path.Clean(r.URL.Path) == r.URL.Path,
	}
	defer e.finish(ctx, answer, started)
	e.serve(answer, answer.request)
}

func (e *edge) finish(ctx context.Context, answer *recorder, started time.Time) {
	if cause := recover(); cause != nil {
		e.options.Logger.LogAttrs(ctx, slog.LevelError, "Failed to serve request",
			slog.String("error", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
		answer.fail()
	}
	took, was := time.Since(started), answer.outcome()
	e.options.Observer.RequestServed(ctx, answer.request, was.route, was.status, took)
	e.logger(was, answer.request.Pattern).LogAttrs(ctx, slog.LevelInfo, "Request served",
		slog.Int64("bytes", answer.bytes),
		slog.Int64("duration_ms", took.Milliseconds()),
	)
}

func (e *edge) logger(was outcome, pattern string) *slog.Logger {
	if bounded := was.route != unmatched && strings.Contains(pattern, " "); bounded {
		return e.loggers.Get(was)
	}
	return was.logger(e.options.Logger)
}

func (o outcome) logger(base *slog.Logger) *slog.Logger {
	return slog.New(base.Handler().WithAttrs([]slog.Attr{
		slog.String("method", o.method), slog.String("route", o.route), slog.Int("status", o.status),
	}))
}

func (e *edge) serve(answer *recorder, r *http.Request) {
	e.secure(answer.Header())
	if allowOrigin(answer, r, e.options.AllowedOrigins) {
		return
	}
	if wait, allowed := e.limiter.allow(r); !allowed {
		e.refuse(r, RefusedByRate)
		refuseRate(answer, wait)
		return
	}
	defer e.inFlight.Add(-1)
	if open := e.inFlight.Add(1); e.options.MaxInFlight > 0 && open > e.options.MaxInFlight {
		e.refuse(r, RefusedByLoad)
		refuseLoad(answer)
		return
	}
	if r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(answer, r.Body, e.options.MaxBodyBytes)
	}
	e.dispatch(answer, r)
}

func (e *edge) refuse(r *http.Request, reason string) {
	_, r.Pattern = e.mux.Handler(r)
	e.options.Observer.RequestRefused(r.Context(), reason)
}

func (e *edge) dispatch(answer *recorder, r *http.Request) {
	if !answer.tidy {
		refuseUnmatched(answer, http.StatusNotFound)
		return
	}
	answer.dispatching = true
	e.mux.ServeHTTP(answer, r)
	answer.dispatching = false
	if answer.withheld != 0 {
		refuseUnmatched(answer, answer.withheld)
	}
}

func security() []header {
	return []header{
		{"Cache-Control", []string{"no-store"}},
		{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Strict-Transport-Security", []string{"max-age=31536000"}},
		{"X-Content-Type-Options", []string{"nosniff"}},
	}
}

func (e *edge) secure(headers http.Header) {
	for _, one := range e.headers {
		headers[one.name] = one.values
	}
}

func refuseUnmatched(w http.ResponseWriter, status int) {
	if status == http.StatusMethodNotAllowed {
		WriteProblem(w, NewProblem(status, "this path allows "+w.Header().Get("Allow")))
		return
	}
	WriteProblem(w, NewProblem(http.StatusNotFound, "there is nothing at this path"))
}

type recorder struct {
	http.ResponseWriter

	request     *http.Request
	tidy        bool
	status      int
	bytes       int64
	dispatching bool
	withheld    int
}

func (r *recorder) withholds() bool {
	return r.dispatching && r.request.Pattern == ""
}

func (r *recorder) WriteHeader(status int) {
	if r.withholds() {
		r.withheld = status
		return
	}
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(body []byte) (int, error) {
	if r.withholds() {
		return len(body), nil
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	written, err := r.ResponseWriter.Write(body)
	r.bytes += int64(written)
	return written, err //nolint:wrapcheck // a writer hands its error on
}

func (r *recorder) Unwrap() http.ResponseWriter {
	return r.ResponseWriter
}

func (r *recorder) outcome() outcome {
	return outcome{method: r.request.Method, route: r.route(), status: max(r.status, http.StatusOK)}
}

func (r *recorder) route() string {
	if r.request.Pattern == "" || !r.tidy {
		return unmatched
	}
	if _, found, cut := strings.Cut(r.request.Pattern, " "); cut {
		return found
	}
	return r.request.Pattern
}

func (r *recorder) fail() {
	if r.status == 0 {
		WriteProblem(r, NewProblem(http.StatusInternalServerError, "the request could not be served"))
	}
}
