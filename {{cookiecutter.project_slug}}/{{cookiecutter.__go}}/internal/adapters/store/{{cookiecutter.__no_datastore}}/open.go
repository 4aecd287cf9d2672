package store

import (
	"context"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

func Open(_ context.Context, _ config.Process, _ config.Config, _ *slog.Logger, _ *telemetry.Telemetry) (Store, error) {
	return openMemory(), nil
}

func Migrate(_ context.Context, _ config.Config, _ *slog.Logger, _ string) ([]Migration, error) {
	return nil, nil
}
