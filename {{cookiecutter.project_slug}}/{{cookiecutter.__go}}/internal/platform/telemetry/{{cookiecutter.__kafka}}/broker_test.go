package telemetry_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

func TestTheBrokerIsMeasuredFromTheFirstScrapeOn(t *testing.T) {
	t.Parallel()
	all := newTelemetry(t)

	broker, err := all.Broker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broker.Published(t.Context(), "acknowledged", 3)
	broker.DeadLettered(t.Context(), "schema")
	broker.Lag(t.Context(), 7)
	broker.Backlog(t.Context(), 5, 1500*time.Millisecond)
	broker.LeaseHeld(t.Context(), true)
	text := scrape(all)

	for _, line := range []string{
		`events_published_total{result="acknowledged"} 3`, `events_published_total{result="failed"} 0`,
		`events_consumed_total{result="retried"} 0`, `events_dead_letters_total{reason="schema"} 1`,
		`events_lag 7`, `outbox_pending 5`, `outbox_age_seconds 1.5`, `outbox_lease_held 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestMetricsOfTheBrokerAreThoseOfTheirRegistry(t *testing.T) {
	t.Parallel()
	registry, err := os.ReadFile("../../../telemetry/broker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := newTelemetry(t)
	broker, err := all.Broker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broker.Lag(t.Context(), 0)
	broker.Backlog(t.Context(), 0, 0)

	var want, got []string
	for _, match := range regexp.MustCompile(`(?m)^ +prometheus: (\S+)\n.*\n +type: (\S+)$`).FindAllStringSubmatch(string(registry), -1) {
		want = append(want, match[1]+" "+match[2])
	}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE ((?:events|outbox_age|outbox_lease)_\S+ \S+)$`).FindAllStringSubmatch(scrape(all), -1) {
		got = append(got, match[1])
	}
	slices.Sort(want)
	slices.Sort(got)

	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("got %q, the registry says %q", got, want)
	}
}

func TestAReplayedEventIsLinkedToTheTraceThatCausedIt(t *testing.T) {
	t.Parallel()
	held := &kept{}
	all, err := telemetry.New(t.Context(), telemetry.Settings{
		Service: telemetry.Service{Name: "test"}, Exporters: telemetry.Exporters{Traces: keptSpans{held}}, SampleRatio: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	broker, err := all.Broker(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	sent, endSent := broker.Send(t.Context(), "orders", "e-1", "")
	_, endProcessed := broker.Process(t.Context(), telemetry.Delivery{Topic: "orders", Group: "g", Sent: sent, Caused: incoming + "01"})
	endProcessed(nil)
	endSent(nil)
	if err := all.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	if len(held.spans) != 2 {
		t.Fatalf("%d spans, want two", len(held.spans))
	}
	processed := held.spans[0]
	if links := processed.Links(); len(links) != 1 || !strings.Contains(incoming, links[0].SpanContext.TraceID().String()) {
		t.Errorf("got links %+v", links)
	}
	if processed.Parent().SpanID() != held.spans[1].SpanContext().SpanID() {
		t.Error("the record is not below the one who sent it")
	}
}
