package config

import (
	"fmt"
	"time"
)

const production = "production"

// Resilience bounds the calls to every dependency. Shares are in percent.
type Resilience struct {
	Timeout         time.Duration
	Attempts        int64
	BackoffMin      time.Duration
	BackoffMax      time.Duration
	RetryBudget     int64
	MaxConcurrent   int64
	MaxWait         time.Duration
	BreakerFailures int64
	BreakerCalls    int64
	BreakerWindow   time.Duration
	BreakerDelay    time.Duration
	FaultFailures   int64
	FaultSlow       int64
	FaultDelay      time.Duration
}

func (r *Resilience) variables() []variable {
	return []variable{
		{"RESILIENCE_TIMEOUT", "2s", duration(&r.Timeout, time.Millisecond, time.Minute)},
		{"RESILIENCE_ATTEMPTS", "3", integer(&r.Attempts, 1, 10)},
		{"RESILIENCE_BACKOFF_MIN", "50ms", duration(&r.BackoffMin, time.Millisecond, 10*time.Second)},
		{"RESILIENCE_BACKOFF_MAX", "500ms", duration(&r.BackoffMax, time.Millisecond, time.Minute)},
		{"RESILIENCE_RETRY_BUDGET", "20", integer(&r.RetryBudget, 0, 100)},
		{"RESILIENCE_MAX_CONCURRENT", "32", integer(&r.MaxConcurrent, 1, 10_000)},
		{"RESILIENCE_MAX_WAIT", "250ms", duration(&r.MaxWait, 0, time.Minute)},
		{"RESILIENCE_BREAKER_FAILURES", "50", integer(&r.BreakerFailures, 1, 100)},
		{"RESILIENCE_BREAKER_CALLS", "10", integer(&r.BreakerCalls, 1, 100_000)},
		{"RESILIENCE_BREAKER_WINDOW", "10s", duration(&r.BreakerWindow, time.Second, 10*time.Minute)},
		{"RESILIENCE_BREAKER_DELAY", "5s", duration(&r.BreakerDelay, 10*time.Millisecond, 10*time.Minute)},
		{"FAULT_FAILURES", "0", integer(&r.FaultFailures, 0, 100)},
		{"FAULT_SLOW", "0", integer(&r.FaultSlow, 0, 100)},
		{"FAULT_DELAY", "1s", duration(&r.FaultDelay, time.Millisecond, time.Minute)},
	}
}

func (r *Resilience) contradictions(loaded *Config) []string {
	var problems []string
	if r.BackoffMin > r.BackoffMax {
		problems = append(problems, fmt.Sprintf("RESILIENCE_BACKOFF_MIN: %s is more than RESILIENCE_BACKOFF_MAX %s", r.BackoffMin, r.BackoffMax))
	}
	if longest := r.longest(); longest > loaded.RequestTimeout {
		problems = append(problems, fmt.Sprintf(
			"RESILIENCE_ATTEMPTS: %d attempts of RESILIENCE_TIMEOUT %s take up to %s with their waits, more than REQUEST_TIMEOUT %s",
			r.Attempts, r.Timeout, longest, loaded.RequestTimeout))
	}
	if r.faulty() && loaded.Environment == production {
		problems = append(problems, "FAULT_FAILURES, FAULT_SLOW: inject faults on purpose and are refused when ENVIRONMENT=production")
	}
	return problems
}

func (r *Resilience) faulty() bool {
	return r.FaultFailures > 0 || r.FaultSlow > 0
}

func (r *Resilience) longest() time.Duration {
	total := time.Duration(r.Attempts) * (r.MaxWait + r.Timeout)
	pause := r.BackoffMin
	for range r.Attempts - 1 {
		total += min(pause, r.BackoffMax)
		pause *= 2
	}
	return total
}
