package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const exporterNone = "none"

// Telemetry says where traces, metrics and logs go beside the scrape and the standard output. Without an endpoint
// nothing leaves. SampleRatio is the share of new traces that are recorded; a caller's decision is kept.
type Telemetry struct {
	Endpoint    string
	Headers     map[string]Secret
	Traces      string
	Metrics     string
	Logs        string
	SampleRatio float64
}

// Exports tells whether a signal leaves the process.
func (t *Telemetry) Exports(exporter string) bool {
	return t.Endpoint != "" && exporter != exporterNone
}

func (t *Telemetry) variables() []variable {
	return []variable{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "", endpoint(&t.Endpoint)},
		{"OTEL_EXPORTER_OTLP_HEADERS", "", headers(&t.Headers)},
		{"OTEL_TRACES_EXPORTER", "otlp", oneOf(&t.Traces, "otlp", exporterNone)},
		{"OTEL_METRICS_EXPORTER", "otlp", oneOf(&t.Metrics, "otlp", exporterNone)},
		{"OTEL_LOGS_EXPORTER", "otlp", oneOf(&t.Logs, "otlp", exporterNone)},
		{"OTEL_TRACES_SAMPLER_ARG", "0.1", ratio(&t.SampleRatio)},
	}
}

func (t *Telemetry) contradictions(environment string) []string {
	if len(t.Headers) > 0 && environment != Local && strings.HasPrefix(t.Endpoint, "http://") {
		return []string{"OTEL_EXPORTER_OTLP_HEADERS: would leave unencrypted, want https:// in OTEL_EXPORTER_OTLP_ENDPOINT"}
	}
	return nil
}

func endpoint(target *string) func(string) error {
	return func(text string) error {
		if text == "" {
			return nil
		}
		parsed, err := url.Parse(text)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" {
			return errors.New("is no address of a collector, want for example http://collector:4318")
		}
		*target = text
		return nil
	}
}

func headers(target *map[string]Secret) func(string) error {
	return func(text string) error {
		for pair := range strings.SplitSeq(text, ",") {
			if pair = strings.TrimSpace(pair); pair == "" {
				continue
			}
			name, escaped, found := strings.Cut(pair, "=")
			value, err := url.PathUnescape(strings.TrimSpace(escaped))
			if name = strings.TrimSpace(name); !found || name == "" || err != nil {
				return errors.New("is no list of headers, want for example api-key=value,tenant=name")
			}
			if *target == nil {
				*target = map[string]Secret{}
			}
			(*target)[name] = Secret(value)
		}
		return nil
	}
}

func ratio(target *float64) func(string) error {
	return func(text string) error {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || !(value >= 0 && value <= 1) {
			return fmt.Errorf("%q is out of range, want a number from 0 to 1", text)
		}
		*target = value
		return nil
	}
}
