package httpserver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/health"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
)

func discard() *slog.Logger {
	return slog.New(slog.DiscardHandler)
}

func get(t *testing.T, address string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func TestStopFinishesTheRequestThatIsOpen(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		w.WriteHeader(http.StatusNoContent)
	})
	group := lifecycle.NewGroup(discard())
	server := httpserver.New("test", "127.0.0.1:0", handler, httpserver.Limits{}, discard())
	if err := group.Start(t.Context(), server.Component()); err != nil {
		t.Fatal(err)
	}
	answered, stopped := make(chan int, 1), make(chan error, 1)
	go func() {
		status, _ := get(t, "http://"+server.Address())
		answered <- status
	}()
	<-entered

	go func() { stopped <- group.Stop(t.Context()) }()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := get(t, "http://"+server.Address()+"/again"); err != nil {
			break
		}
	}
	close(release)

	if status, err := <-answered, <-stopped; status != http.StatusNoContent || err != nil {
		t.Errorf("got %d, %v", status, err)
	}
}

func TestWhileDrainingEveryAnswerEndsItsConnection(t *testing.T) {
	t.Parallel()
	group := lifecycle.NewGroup(discard())
	server := httpserver.New("test", "127.0.0.1:0", http.NotFoundHandler(), httpserver.Limits{}, discard())
	if err := group.Start(t.Context(), server.Component()); err != nil {
		t.Fatal(err)
	}
	closes := func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Address(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.Close
	}

	before := closes()
	group.Drain()
	after := closes()

	if before || !after {
		t.Errorf("closed before %t, after %t", before, after)
	}
	if err := group.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestARequestThatOutlastsTheBudgetIsCutOff(t *testing.T) {
	t.Parallel()
	const budget = 2 * time.Second
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	tests := map[string]struct {
		work   func(ctx context.Context)
		status int
	}{
		"and answered when it listens": {func(ctx context.Context) { <-ctx.Done() }, http.StatusServiceUnavailable},
		"and dropped when it does not": {func(context.Context) { <-release }, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, answered := make(chan struct{}), make(chan int, 1)
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				test.work(r.Context())
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			group := lifecycle.NewGroup(discard())
			server := httpserver.New("test", "127.0.0.1:0", handler, httpserver.Limits{}, discard())
			if err := group.Start(t.Context(), server.Component()); err != nil {
				t.Fatal(err)
			}
			go func() {
				status, _ := get(t, "http://"+server.Address())
				answered <- status
			}()
			<-entered
			ctx, cancel := context.WithTimeout(t.Context(), budget)
			defer cancel()

			err := group.Stop(ctx)

			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut off open requests") {
				t.Errorf("got %v", err)
			}
			if ctx.Err() != nil {
				t.Error("nothing of the budget is left for the parts behind the listener")
			}
			if status := <-answered; status != test.status {
				t.Errorf("got %d, want %d", status, test.status)
			}
		})
	}
}

func TestWhatTheServerComplainsOfIsAField(t *testing.T) {
	t.Parallel()
	said := make(chan string, 1)
	logger := slog.New(slog.NewJSONHandler(writer(func(line []byte) { said <- string(line) }), nil))
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("hunter2") })
	group := lifecycle.NewGroup(discard())
	server := httpserver.New("test", "127.0.0.1:0", broken, httpserver.Limits{}, logger)
	if err := group.Start(t.Context(), server.Component()); err != nil {
		t.Fatal(err)
	}

	_, err := get(t, "http://"+server.Address())

	if line := <-said; err == nil || !strings.Contains(line, `"msg":"Failed to serve connection","error":"http: panic serving`) {
		t.Errorf("got %v, %s", err, line)
	}
	if err := group.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

type writer func(line []byte)

func (w writer) Write(line []byte) (int, error) {
	w(line)
	return len(line), nil
}

func TestAnOccupiedAddressIsAFailureToStart(t *testing.T) {
	t.Parallel()
	group := lifecycle.NewGroup(discard())
	first := httpserver.New("first", "127.0.0.1:0", http.NotFoundHandler(), httpserver.Limits{}, discard())
	if err := group.Start(t.Context(), first.Component()); err != nil {
		t.Fatal(err)
	}
	second := httpserver.New("second", first.Address(), http.NotFoundHandler(), httpserver.Limits{}, discard())

	err := group.Start(t.Context(), second.Component())

	if err == nil || !strings.Contains(err.Error(), first.Address()) {
		t.Errorf("got %v, want the address named", err)
	}
	if err := group.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAdminServesProfilesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for _, profiling := range []bool{true, false} {
		handler := httpserver.Admin(health.New(), http.NotFoundHandler(), httpserver.About{Version: "1.2.3"}, profiling)

		codes := map[string]int{}
		for _, path := range []string{"/livez", "/readyz", "/version", "/debug/pprof/cmdline"} {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
			codes[path] = answer.Code
		}

		if codes["/livez"] != 200 || codes["/readyz"] != 503 || codes["/version"] != 200 || (codes["/debug/pprof/cmdline"] == 200) != profiling {
			t.Errorf("profiling %t: got %v", profiling, codes)
		}
	}
}

type observer struct {
	route   string
	status  int
	refused []string
}

func (o *observer) RequestRefused(_ context.Context, reason string) {
	o.refused = append(o.refused, reason)
}

func (o *observer) RequestStarted(ctx context.Context, _ *http.Request) context.Context {
	return ctx
}

func (o *observer) RequestServed(_ context.Context, _ *http.Request, route string, status int, _ time.Duration) {
	o.route, o.status = route, status
}

func TestWrapMeasuresByRouteAndBoundsTheRequest(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, bounded := r.Context().Deadline(); !bounded {
			t.Error("the request has no deadline")
		}
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err == nil {
			t.Error("a recorder took a deadline")
		}
		_, _ = io.WriteString(w, "ok")
	})
	seen := &observer{}
	handler := httpserver.Wrap(mux, httpserver.Options{Observer: seen, Logger: discard(), RequestTimeout: time.Second, MaxBodyBytes: 1})
	tests := []struct {
		target, route string
		status        int
	}{
		{"/things/4711", "/things/{id}", 200},
		{"/secrets/4711", "unmatched", 404},
		{"//things/4711", "unmatched", 404},
	}
	for _, test := range tests {
		answer := httptest.NewRecorder()

		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, test.target, http.NoBody))

		if seen.route != test.route || seen.status != test.status || answer.Code != test.status {
			t.Errorf("%s: got %s %d", test.target, seen.route, answer.Code)
		}
		if answer.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Error("headers are missing")
		}
	}
}
