package telemetry_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

type registered struct {
	kind   string
	labels []string
}

func registry(t *testing.T) map[string]registered {
	t.Helper()
	text, err := os.ReadFile("../../../telemetry/metrics.yaml")
	if err != nil {
		t.Fatal(err)
	}
	entry := regexp.MustCompile(`(?m)^ +prometheus: (\S+)\n(?: .*\n)*? +type: (\S+)\n(?: .*\n)*? +labels: \[(.*)\]$`)
	found := map[string]registered{}
	for _, match := range entry.FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = registered{match[2], strings.FieldsFunc(match[3], func(r rune) bool { return r == ',' || r == ' ' })}
	}
	if len(found) != strings.Count(string(text), "\n    prometheus: ") {
		t.Fatalf("read %d metrics of the registry only", len(found))
	}
	return found
}

func scrape(measured *telemetry.Telemetry) string {
	answer := httptest.NewRecorder()
	measured.Exposition.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return answer.Body.String()
}

func emitted(text string) map[string]registered {
	found := map[string]registered{}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(match[1], "go_") || strings.HasPrefix(match[1], "process_") {
			continue
		}
		series := regexp.MustCompile(`(?m)^`+match[1]+`(?:_bucket|_sum|_count)?(?:\{(.*)\})? `).FindAllStringSubmatch(text, -1)
		labels := map[string]bool{}
		for _, one := range series {
			for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(one[1], -1) {
				labels[label[1]] = label[1] != "le"
			}
		}
		maps.DeleteFunc(labels, func(_ string, ours bool) bool { return !ours })
		found[match[1]] = registered{match[2], slices.Sorted(maps.Keys(labels))}
	}
	return found
}

func use(t *testing.T, measured *telemetry.Telemetry) {
	t.Helper()
	serve(t.Context(), measured.Requests(), httptest.NewRequest(http.MethodGet, "/", http.NoBody), "/v1/orders", http.StatusInternalServerError)
	measured.OrderPlaced(t.Context(), 2500)
	measured.InboxPending(t.Context(), 7)
}

func TestMetricsAndTheirLabelsAreThoseOfTheRegistry(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	use(t, measured)

	want, got := registry(t), emitted(scrape(measured))

	for name := range got {
		if _, known := want[name]; !known {
			t.Errorf("%s is measured and not registered", name)
		}
	}
	for name, wanted := range want {
		slices.Sort(wanted.labels)
		if found := got[name]; found.kind != wanted.kind || !slices.Equal(found.labels, wanted.labels) {
			t.Errorf("%s: measured %+v, registered %+v", name, found, wanted)
		}
	}
}

func TestNoLabelCanExplode(t *testing.T) {
	t.Parallel()
	explosive := regexp.MustCompile(`(?i)(^|_)(id|uuid|guid|key|user|customer|order|email|ip|addr|address|host|path|url|uri|query|trace|span|session|token|time|timestamp|message|error)($|_)`)
	measured := newTelemetry(t)
	use(t, measured)

	for name, metric := range emitted(scrape(measured)) {
		for _, label := range metric.labels {
			if explosive.MatchString(label) {
				t.Errorf("%s has the label %s, which can take any value", name, label)
			}
		}
	}
}

func TestMetricsHaveTheirLabels(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	use(t, measured)

	text := scrape(measured)

	for _, line := range []string{
		`http_server_request_duration_seconds_count{method="GET",route="/v1/orders",status_class="5xx"} 1`,
		`http_server_active_requests 0`,
		`http_server_refused_total{reason="rate"} 0`,
		`orders_placed_total 1`,
		`orders_revenue_cents_total 2500`,
		`projection_events_total{result="applied"} 0`,
		`outbox_pending 7`,
		`build_info{revision="abc",version="1.2.3"} 1`,
		`go_goroutines `,
		`process_open_fds `,
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestStatusesAreCountedByClass(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	requests := measured.Requests()

	for _, status := range []int{101, 200, 204, 301, 404, 500, 999} {
		serve(t.Context(), requests, httptest.NewRequest(http.MethodGet, "/", http.NoBody), "/", status)
	}

	text := scrape(measured)
	for class, want := range map[string]string{"1xx": "1", "2xx": "2", "3xx": "1", "4xx": "1", "5xx": "2"} {
		if !strings.Contains(text, `_count{method="GET",route="/",status_class="`+class+`"} `+want) {
			t.Errorf("%s is not %s", class, want)
		}
	}
}

func TestStrangeMethodsShareOneSeries(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	requests := measured.Requests()

	for _, method := range []string{"BREW", "WHEN"} {
		serve(t.Context(), requests, httptest.NewRequest(method, "/", http.NoBody), "unmatched", http.StatusMethodNotAllowed)
	}

	if text := scrape(measured); !strings.Contains(text, `_count{method="other",route="unmatched",status_class="4xx"} 2`) {
		t.Errorf("got %s", text)
	}
}

func TestSeriesOfRequestsAreSharedSafely(t *testing.T) {
	t.Parallel()
	measured := newTelemetry(t)
	requests := measured.Requests()
	routes := []string{"/a", "/b", "/c", "/d"}
	done := make(chan struct{})

	for _, route := range routes {
		go func() {
			for range 100 {
				serve(t.Context(), requests, httptest.NewRequest(http.MethodGet, "/", http.NoBody), route, http.StatusOK)
			}
			done <- struct{}{}
		}()
	}
	for range routes {
		<-done
	}

	text := scrape(measured)
	for _, route := range routes {
		if !strings.Contains(text, `_count{method="GET",route="`+route+`",status_class="2xx"} 100`) {
			t.Errorf("%s is not counted", route)
		}
	}
}
