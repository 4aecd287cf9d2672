package telemetry_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/resilience"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

var _ resilience.Observer = (*telemetry.Dependency)(nil)

func TestADependencyIsMeasuredFromTheFirstScrapeOn(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)

	dependency, err := measured.Dependency(t.Context(), "store")
	if err != nil {
		t.Fatal(err)
	}
	dependency.Attempted(t.Context(), resilience.ResultTimeout)
	dependency.Retried(t.Context())
	dependency.Refused(t.Context(), resilience.RefusedOpen)
	dependency.BreakerChanged(t.Context(), resilience.StateHalfOpen)
	halfOpen := scrape(measured)
	dependency.BreakerChanged(t.Context(), resilience.StateOpen)
	text := scrape(measured)

	for _, line := range []string{
		`resilience_attempts_total{dependency="store",result="timeout"} 1`,
		`resilience_attempts_total{dependency="store",result="abandoned"} 0`,
		`resilience_retries_total{dependency="store"} 1`,
		`resilience_refusals_total{dependency="store",result="open"} 1`,
		`resilience_breaker_changes_total{dependency="store",result="open"} 1`,
		`resilience_breaker_state{dependency="store"} 2`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	if !strings.Contains(halfOpen, `resilience_breaker_state{dependency="store"} 1`) {
		t.Error("half-open is not told from open")
	}
}

func TestMetricsOfDependenciesAreThoseOfTheirRegistry(t *testing.T) {
	t.Parallel()
	registry, err := os.ReadFile("../../../telemetry/dependencies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	measured := newTelemetry(t)
	if _, err := measured.Dependency(t.Context(), "store"); err != nil {
		t.Fatal(err)
	}

	var want, got []string
	for _, match := range regexp.MustCompile(`(?m)^ +prometheus: (\S+)\n.*\n +type: (\S+)$`).FindAllStringSubmatch(string(registry), -1) {
		want = append(want, match[1]+" "+match[2])
	}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (resilience_\S+ \S+)$`).FindAllStringSubmatch(scrape(measured), -1) {
		got = append(got, match[1])
	}
	slices.Sort(want)
	slices.Sort(got)

	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("got %q, the registry says %q", got, want)
	}
}
