package health

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const checkTimeout = 2 * time.Second

type Check func(ctx context.Context) error

type State struct {
	ready  atomic.Bool
	checks atomic.Pointer[map[string]Check]
}

func New() *State {
	return &State{}
}

func (s *State) Ready(checks map[string]Check) {
	s.checks.Store(&checks)
	s.ready.Store(true)
}

func (s *State) Unready() {
	s.ready.Store(false)
}

func (s *State) Live(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (s *State) Readiness(w http.ResponseWriter, r *http.Request) {
	if !s.ready.Load() {
		answer(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	status, report := http.StatusOK, map[string]string{"status": "ready"}
	for name, check := range *s.checks.Load() {
		report[name] = "ok"
		if err := check(ctx); err != nil {
			report[name] = "failing"
			report["status"] = "not ready"
			status = http.StatusServiceUnavailable
		}
	}
	answer(w, status, report)
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
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("probe liveness: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("probe liveness: status %d", response.StatusCode)
	}
	return nil
}
