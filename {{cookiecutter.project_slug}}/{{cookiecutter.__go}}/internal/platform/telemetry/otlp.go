package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
)

// Collector is where telemetry goes by OTLP over HTTP, and which of the signals.
type Collector struct {
	Endpoint string
	Headers  map[string]string
	Traces   bool
	Metrics  bool
	Logs     bool
}

// OTLP gives exporters to a collector. It returns at once, whether the collector answers or not.
func OTLP(ctx context.Context, to Collector) (exporters Exporters, err error) {
	var errs [3]error
	base := strings.TrimRight(to.Endpoint, "/")
	if to.Traces {
		exporters.Traces, errs[0] = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base+"/v1/traces"),
			otlptracehttp.WithHeaders(to.Headers), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	if to.Metrics {
		exporters.Metrics, errs[1] = otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(base+"/v1/metrics"),
			otlpmetrichttp.WithHeaders(to.Headers), otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
	}
	if to.Logs {
		exporters.Logs, errs[2] = otlploghttp.New(ctx, otlploghttp.WithEndpointURL(base+"/v1/logs"),
			otlploghttp.WithHeaders(to.Headers), otlploghttp.WithCompression(otlploghttp.GzipCompression))
	}
	if err := errors.Join(errs[:]...); err != nil {
		return Exporters{}, fmt.Errorf("create exporters to %s: %w", base, err)
	}
	return exporters, nil
}

// ReportTo makes the OpenTelemetry SDK tell its own troubles as lines of the logger. It changes the whole process.
func ReportTo(logger *slog.Logger) {
	otel.SetLogger(logr.FromSlogHandler(logger.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.Warn("Failed to export telemetry", "error", err)
	}))
}
