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
)

type Observer interface {
	RequestStarted(ctx context.Context, r *http.Request, route string) (context.Context, func(status int, took time.Duration))
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
	inFlight atomic.Int64
}

// Wrap puts a router behind the things that every request passes: headers, measurement, log, recovery, limits.
func Wrap(mux *http.ServeMux, options Options) http.Handler {
	return &edge{mux: mux, options: options, limiter: newLimiter(options.Rate, options.TrustedProxies)}
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	route := e.route(r)
	ctx, finish := e.options.Observer.RequestStarted(r.Context(), r, route)
	answer := &recorder{ResponseWriter: w}
	defer func() {
		if cause := recover(); cause != nil {
			e.options.Logger.ErrorContext(ctx, "Failed to serve request", "error", fmt.Sprint(cause), "stack", string(debug.Stack()))
			answer.fail()
		}
		took := time.Since(started)
		finish(answer.statusCode(), took)
		e.options.Logger.InfoContext(ctx, "Request served", "method", r.Method, "route", route,
			"status", answer.statusCode(), "bytes", answer.bytes, "duration_ms", took.Milliseconds())
	}()
	limited, cancel := context.WithTimeout(ctx, e.options.RequestTimeout)
	defer cancel()
	e.serve(answer, r.WithContext(limited), route)
}

func (e *edge) serve(w http.ResponseWriter, r *http.Request, route string) {
	secure(w.Header())
	if allowOrigin(w, r, e.options.AllowedOrigins) {
		return
	}
	if wait, allowed := e.limiter.allow(r); !allowed {
		e.options.Observer.RequestRefused(r.Context(), RefusedByRate)
		refuseRate(w, wait)
		return
	}
	defer e.inFlight.Add(-1)
	if open := e.inFlight.Add(1); e.options.MaxInFlight > 0 && open > e.options.MaxInFlight {
		e.options.Observer.RequestRefused(r.Context(), RefusedByLoad)
		refuseLoad(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, e.options.MaxBodyBytes)
	if route == unmatched {
		refuseUnmatched(w, r, e.mux)
		return
	}
	e.mux.ServeHTTP(w, r)
}

func secure(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Strict-Transport-Security", "max-age=31536000")
	header.Set("X-Content-Type-Options", "nosniff")
}

func (e *edge) route(r *http.Request) string {
	_, pattern := e.mux.Handler(r)
	if pattern == "" || path.Clean(r.URL.Path) != r.URL.Path {
		return unmatched
	}
	if _, found, cut := strings.Cut(pattern, " "); cut {
		return found
	}
	return pattern
}

func refuseUnmatched(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	discard := &discarded{header: http.Header{}}
	mux.ServeHTTP(discard, r)
	if discard.status == http.StatusMethodNotAllowed {
		allowed := discard.header.Get("Allow")
		w.Header().Set("Allow", allowed)
		WriteProblem(w, NewProblem(http.StatusMethodNotAllowed, "this path allows "+allowed))
		return
	}
	WriteProblem(w, NewProblem(http.StatusNotFound, "there is nothing at this path"))
}

type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header {
	return d.header
}

func (d *discarded) Write(body []byte) (int, error) {
	return len(body), nil
}

func (d *discarded) WriteHeader(status int) {
	d.status = status
}

type recorder struct {
	http.ResponseWriter

	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(body []byte) (int, error) {
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

func (r *recorder) statusCode() int {
	return max(r.status, http.StatusOK)
}

func (r *recorder) fail() {
	if r.status == 0 {
		WriteProblem(r, NewProblem(http.StatusInternalServerError, "the request could not be served"))
	}
}
