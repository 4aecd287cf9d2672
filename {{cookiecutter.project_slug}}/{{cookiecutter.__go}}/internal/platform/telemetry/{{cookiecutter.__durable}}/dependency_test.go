package telemetry_test

import (
	"errors"
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

func TestAPoolIsReadAtEachScrape(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	pool := telemetry.Pool{Used: 1, Idle: 2, Max: 10}
	if err := measured.Pool("store", func() telemetry.Pool { return pool }); err != nil {
		t.Fatal(err)
	}

	before := scrape(measured)
	pool = telemetry.Pool{Used: 10, Max: 10, Waits: 3}
	after := scrape(measured)

	if !strings.Contains(before, `db_client_connections{dependency="store",state="idle"} 2`) {
		t.Error("idle connections are missing")
	}
	for _, line := range []string{
		`db_client_connections{dependency="store",state="used"} 10`,
		`db_client_connections_max{dependency="store"} 10`,
		`db_client_connections_waits_total{dependency="store"} 3`,
	} {
		if !strings.Contains(after, "\n"+line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestMetricsOfDependenciesAreThoseOfTheirRegistry(t *testing.T) {
	t.Parallel()
	registry, err := os.ReadFile("../../../telemetry/dependencies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	measured := newTelemetry(t)
	_, errDependency := measured.Dependency(t.Context(), "store")
	errPool := measured.Pool("store", func() telemetry.Pool { return telemetry.Pool{} })
	if err := errors.Join(errDependency, errPool); err != nil {
		t.Fatal(err)
	}

	var want, got []string
	for _, match := range regexp.MustCompile(`(?m)^ +prometheus: (\S+)\n.*\n +type: (\S+)$`).FindAllStringSubmatch(string(registry), -1) {
		want = append(want, match[1]+" "+match[2])
	}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE ((?:resilience|db_client)_\S+ \S+)$`).FindAllStringSubmatch(scrape(measured), -1) {
		got = append(got, match[1])
	}
	slices.Sort(want)
	slices.Sort(got)

	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("got %q, the registry says %q", got, want)
	}
}
