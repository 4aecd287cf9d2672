package health

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	checkTimeout = 2 * time.Second

	starting = "starting"
	stopping = "stopping"
)

type Check func(ctx context.Context) error

// State is where a process stands between its start and its stop. Until it is ready, and once it is not, it says why.
type State struct {
	reason atomic.Pointer[string]
	checks atomic.Pointer[map[string]Check]
}

func New() *State {
	state := &State{}
	state.become(starting)
	return state
}

func (s *State) WaitFor(dependency string) {
	s.become("waiting for " + dependency)
}

func (s *State) Ready(checks map[string]Check) {
	s.checks.Store(&checks)
	s.become("")
}

// Unready says that the process stops, and tells whether it was ready before.
func (s *State) Unready() bool {
	return s.become(stopping) == ""
}

func (s *State) become(reason string) (before string) {
	if last := s.reason.Swap(&reason); last != nil {
		before = *last
	}
	return before
}

func (s *State) Live(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (s *State) Readiness(w http.ResponseWriter, r *http.Request) {
	if reason := *s.reason.Load(); reason != "" {
		answer(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "reason": reason})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	report := map[string]string{"status": "ready"}
	failing := run(ctx, *s.checks.Load(), report)
	if len(failing) == 0 {
		answer(w, http.StatusOK, report)
		return
	}
	report["status"], report["reason"] = "not ready", "failing: "+strings.Join(failing, ", ")
	answer(w, http.StatusServiceUnavailable, report)
}

func run(ctx context.Context, checks map[string]Check, report map[string]string) (failing []string) {
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		report[name] = "ok"
		if err := checks[name](ctx); err != nil {
			report[name] = "failing"
			failing = append(failing, name)
		}
	}
	return failing
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Probe asks the admin listener of this container for its liveness. An image without a shell has no other way.
func Probe(ctx context.Context, adminAddr string) error {
	host, port, err := net.SplitHostPort(adminAddr)
	if err != nil {
		return fmt.Errorf("probe %q: %w", adminAddr, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/livez", http.NoBody)
	if err != nil {
		return fmt.Errorf("probe %q: %w", adminAddr, err)
	}
	client := &http.Client{Timeout: checkTimeout}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("probe liveness: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("probe liveness: status %d", response.StatusCode)
	}
	return nil
}
