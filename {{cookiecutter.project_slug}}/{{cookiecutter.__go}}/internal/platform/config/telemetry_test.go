package config_test

import (
	"fmt"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
)

func TestTelemetryLeavesOnlyWithAnEndpoint(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values                map[string]string
		traces, metrics, logs bool
	}{
		"no endpoint": {nil, false, false, false},
		"endpoint":    {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, true, true, true},
		"endpoint, logs from the output": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_LOGS_EXPORTER": "none"}, true, true, false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			loaded, err := config.Load(config.API, from(test.values))

			told := loaded.Telemetry
			if err != nil || told.Exports(told.Traces) != test.traces || told.Exports(told.Metrics) != test.metrics || told.Exports(told.Logs) != test.logs {
				t.Errorf("got %+v, %v", told, err)
			}
		})
	}
}

func TestTelemetryIsCheckedAtStart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   string
	}{
		"no scheme":          {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT: "},
		"a password in it":   {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://a:hunter2@collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT: "},
		"headers are no map": {map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "hunter2"}, "OTEL_EXPORTER_OTLP_HEADERS: "},
		"ratio above one":    {map[string]string{"OTEL_TRACES_SAMPLER_ARG": "10"}, "OTEL_TRACES_SAMPLER_ARG: "},
		"ratio is no number": {map[string]string{"OTEL_TRACES_SAMPLER_ARG": "NaN"}, "OTEL_TRACES_SAMPLER_ARG: "},
		"unknown exporter":   {map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: "},
		"secret in the open": {map[string]string{
			"ENVIRONMENT": "dev", "ALLOW_MEMORY_STORE": "true",
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2",
		}, "OTEL_EXPORTER_OTLP_HEADERS: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			found := problems(t, config.Worker, test.values)

			if len(found) != 1 || !strings.HasPrefix(found[0], test.want) || strings.Contains(found[0], "hunter2") {
				t.Errorf("got %q, want %q", found, test.want)
			}
		})
	}
}

func TestHeadersOfTheExporterAreReadAndHidden(t *testing.T) {
	t.Parallel()

	loaded, err := config.Load(config.API, from(map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter%202, tenant = a=b ,"}))

	read := loaded.Telemetry.Headers
	if err != nil || len(read) != 2 || read["api-key"].Reveal() != "hunter 2" || read["tenant"].Reveal() != "a=b" {
		t.Errorf("got %d headers, %v", len(read), err)
	}
	if text := fmt.Sprintf("%v %+v %#v", loaded, loaded, loaded); strings.Contains(text, "hunter 2") {
		t.Error("the value of a header can be printed")
	}
}
