package httpserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

type Observer interface {
	RequestStarted(r *http.Request, route string) (context.Context, func(status int, took time.Duration))
}

type Options struct {
	Observer       Observer
	Logger         *slog.Logger
	RequestTimeout time.Duration
	MaxBodyBytes   int64
}

const unmatched = "unmatched"

// Wrap puts a router behind the things that every request passes: headers, measurement, log, recovery, limits.
func Wrap(mux *http.ServeMux, options Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		_, pattern := mux.Handler(r)
		route := routeOf(pattern)
		ctx, finish := options.Observer.RequestStarted(r, route)
		recorder := &recorder{ResponseWriter: w}
		ctx, cancel := context.WithTimeout(ctx, options.RequestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(recorder, r.Body, options.MaxBodyBytes)
		recorder.Header().Set("X-Content-Type-Options", "nosniff")
		recorder.Header().Set("Cache-Control", "no-store")
		defer func() {
			if cause := recover(); cause != nil {
				options.Logger.ErrorContext(ctx, "Failed to serve request", "error", fmt.Sprint(cause), "stack", string(debug.Stack()))
				recorder.fail()
			}
			status := recorder.statusCode()
			took := time.Since(started)
			finish(status, took)
			options.Logger.InfoContext(ctx, "Request served",
				"method", r.Method, "route", route, "status", status, "bytes", recorder.bytes, "duration_ms", took.Milliseconds())
		}()
		if pattern == "" {
			refuseUnmatched(recorder, r, mux)
			return
		}
		mux.ServeHTTP(recorder, r)
	})
}

func routeOf(pattern string) string {
	if pattern == "" {
		return unmatched
	}
	if _, path, found := strings.Cut(pattern, " "); found {
		return path
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
	return written, err
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
