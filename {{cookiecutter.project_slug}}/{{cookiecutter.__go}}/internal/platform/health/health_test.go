package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/health"
)

func ask(handler http.HandlerFunc) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	handler(answer, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	return answer
}

func TestLivenessAsksNoDependency(t *testing.T) {
	t.Parallel()
	state := health.New()
	state.Ready(map[string]health.Check{"store": func(context.Context) error {
		t.Error("liveness asked the store")
		return errors.New("down")
	}})

	answer := ask(state.Live)

	if answer.Code != http.StatusOK {
		t.Errorf("got %d", answer.Code)
	}
}

func TestReadinessSaysWhyNot(t *testing.T) {
	t.Parallel()
	well := func(context.Context) error { return nil }
	ill := func(context.Context) error { return errors.New("secret detail") }
	tests := map[string]struct {
		happen func(*health.State)
		status int
		body   string
	}{
		"born":    {func(*health.State) {}, 503, `{"reason":"starting","status":"not ready"}`},
		"waiting": {func(s *health.State) { s.WaitFor("store") }, 503, `{"reason":"waiting for store","status":"not ready"}`},
		"ready":   {func(s *health.State) { s.Ready(map[string]health.Check{"store": well}) }, 200, `{"status":"ready","store":"ok"}`},
		"failing": {
			func(s *health.State) { s.Ready(map[string]health.Check{"b": ill, "c": well, "a": ill}) },
			503, `{"a":"failing","b":"failing","c":"ok","reason":"failing: a, b","status":"not ready"}`,
		},
		"stopping": {
			func(s *health.State) { s.Ready(map[string]health.Check{"store": ill}); s.Unready() },
			503, `{"reason":"stopping","status":"not ready"}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := health.New()

			test.happen(state)
			answer := ask(state.Readiness)

			if body := strings.TrimSpace(answer.Body.String()); answer.Code != test.status || body != test.body {
				t.Errorf("got %d %s, want %d %s", answer.Code, body, test.status, test.body)
			}
		})
	}
}

func TestUnreadyTellsWhetherItWasReady(t *testing.T) {
	t.Parallel()
	waiting, ready := health.New(), health.New()
	waiting.WaitFor("store")
	ready.Ready(nil)

	got := []bool{waiting.Unready(), ready.Unready(), ready.Unready()}

	if want := []bool{false, true, false}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	state := health.New()
	server := httptest.NewServer(http.HandlerFunc(state.Live))
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")

	errAlive := errors.Join(
		health.Probe(t.Context(), ":"+port),
		health.Probe(t.Context(), "0.0.0.0:"+port),
		health.Probe(t.Context(), "127.0.0.1:"+port))
	errDead := health.Probe(t.Context(), "127.0.0.1:1")
	errMalformed := health.Probe(t.Context(), "nope")

	if errAlive != nil || errDead == nil || errMalformed == nil {
		t.Errorf("got %v, %v, %v", errAlive, errDead, errMalformed)
	}
}
