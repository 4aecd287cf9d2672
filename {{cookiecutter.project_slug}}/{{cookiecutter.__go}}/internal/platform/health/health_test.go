package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
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

func TestReadinessFollowsStateAndChecks(t *testing.T) {
	t.Parallel()
	var down error
	state := health.New()

	before := ask(state.Readiness).Code
	state.Ready(map[string]health.Check{"store": func(context.Context) error { return down }})
	ready := ask(state.Readiness).Code
	down = errors.New("secret detail")
	failing := ask(state.Readiness)
	down = nil
	state.Unready()
	after := ask(state.Readiness).Code

	if before != 503 || ready != 200 || failing.Code != 503 || after != 503 {
		t.Errorf("got %d, %d, %d, %d", before, ready, failing.Code, after)
	}
	if strings.Contains(failing.Body.String(), "secret") || !strings.Contains(failing.Body.String(), `"store":"failing"`) {
		t.Errorf("got %s", failing.Body)
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
