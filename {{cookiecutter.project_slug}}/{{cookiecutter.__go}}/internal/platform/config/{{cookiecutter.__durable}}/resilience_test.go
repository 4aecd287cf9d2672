package config_test

import (
	"maps"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
)

func durable(t *testing.T, values map[string]string) []string {
	t.Helper()
	all := reachable()
	maps.Copy(all, values)
	return problems(t, config.Worker, all)
}

func TestResilienceRefusesContradictions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   string
	}{
		"defaults":                   {nil, ""},
		"attempts outlive a request": {map[string]string{"RESILIENCE_ATTEMPTS": "5"}, "RESILIENCE_ATTEMPTS: 5 attempts"},
		"waits outlive a request":    {map[string]string{"RESILIENCE_MAX_WAIT": "2s"}, "RESILIENCE_ATTEMPTS: 3 attempts"},
		"pauses outlive a request": {
			map[string]string{"RESILIENCE_BACKOFF_MIN": "2s", "RESILIENCE_BACKOFF_MAX": "4s"}, "RESILIENCE_ATTEMPTS: 3 attempts",
		},
		"a request is too short": {map[string]string{"REQUEST_TIMEOUT": "1s"}, "RESILIENCE_ATTEMPTS: 3 attempts"},
		"pauses are crossed":     {map[string]string{"RESILIENCE_BACKOFF_MIN": "1s"}, "RESILIENCE_BACKOFF_MIN: 1s"},
		"faults in production":   {map[string]string{"FAULT_SLOW": "1", "ENVIRONMENT": "production"}, "FAULT_FAILURES, FAULT_SLOW: "},
		"faults in staging":      {map[string]string{"FAULT_FAILURES": "1", "ENVIRONMENT": "staging"}, ""},
		"faults of nothing":      {map[string]string{"FAULT_FAILURES": "1", "STORE": "memory"}, "FAULT_FAILURES, FAULT_SLOW: "},
		"nothing is bounded":     {map[string]string{"REQUEST_TIMEOUT": "1s", "STORE": "memory"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			found := durable(t, test.values)

			if test.want == "" && len(found) > 0 || test.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0], test.want)) {
				t.Errorf("got %q, want %q", found, test.want)
			}
		})
	}
}
