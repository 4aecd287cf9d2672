package httpserver_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
)

type marked struct{}

func serveWithin(parent context.Context, limit time.Duration, serve func(context.Context)) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things", func(_ http.ResponseWriter, r *http.Request) { serve(r.Context()) })
	handler := httpserver.Wrap(mux, httpserver.Options{Observer: &observer{}, Logger: discard(), RequestTimeout: limit, MaxBodyBytes: 1})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/things", http.NoBody).WithContext(parent))
}

func TestARequestEndsWithItsTime(t *testing.T) {
	t.Parallel()
	waits := map[string]func(context.Context) error{
		"who waits for it": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"who waits for a part of it": func(ctx context.Context) error {
			part, cancel := context.WithCancel(ctx)
			defer cancel()
			<-part.Done()
			return part.Err()
		},
		"who looks at it later": func(ctx context.Context) error {
			time.Sleep(time.Minute)
			return ctx.Err()
		},
		"who asks for its cause": func(ctx context.Context) error {
			time.Sleep(time.Minute)
			return context.Cause(ctx)
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				started := time.Now()
				var before, after error

				serveWithin(t.Context(), time.Minute, func(ctx context.Context) { before, after = ctx.Err(), wait(ctx) })

				if before != nil || !errors.Is(after, context.DeadlineExceeded) || time.Since(started) != time.Minute {
					t.Errorf("got %v and then %v after %v", before, after, time.Since(started))
				}
			})
		})
	}
}

func TestARequestEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	for name, asked := range map[string]bool{"before anybody waits": false, "while somebody waits": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent, leave := context.WithCancel(t.Context())
			var got error

			serveWithin(parent, time.Minute, func(ctx context.Context) {
				if asked {
					defer func(done <-chan struct{}) { <-done }(ctx.Done())
				}
				leave()
				got = ctx.Err()
			})

			if !asked && !errors.Is(got, context.Canceled) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestWhatOutlivesARequestIsCancelled(t *testing.T) {
	t.Parallel()
	for name, asked := range map[string]bool{"if it never waited": false, "if it waited": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outlives := make(chan context.Context, 1)

			serveWithin(t.Context(), time.Minute, func(ctx context.Context) {
				if asked {
					_ = ctx.Done()
				}
				outlives <- ctx
			})

			kept := <-outlives
			<-kept.Done()
			if !errors.Is(kept.Err(), context.Canceled) {
				t.Errorf("got %v", kept.Err())
			}
		})
	}
}

func TestARequestKnowsItsDeadlineAndItsValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		parent, limit, want time.Duration
	}{
		"its own":        {2 * time.Minute, time.Minute, time.Minute},
		"its caller's":   {time.Second, time.Minute, time.Second},
		"not a caller's": {0, time.Minute, time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				parent := context.WithValue(t.Context(), marked{}, name)
				if test.parent > 0 {
					bounded, cancel := context.WithTimeout(parent, test.parent)
					defer cancel()
					parent = bounded
				}
				var left time.Duration
				var early, late any

				serveWithin(parent, test.limit, func(ctx context.Context) {
					at, _ := ctx.Deadline()
					left, early = time.Until(at), ctx.Value(marked{})
					_ = ctx.Done()
					late = ctx.Value(marked{})
				})

				if left != test.want || early != name || late != name {
					t.Errorf("got %v, %v and %v", left, early, late)
				}
			})
		})
	}
}
