package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

func Open(ctx context.Context, loaded config.Config, logger *slog.Logger, measured *telemetry.Telemetry) (Store, error) {
	if loaded.Store.Kind == config.StoreMemory {
		return openMemory(), nil
	}
	opened, err := postgres.Open(ctx, settings(loaded), logger)
	if err != nil {
		return Store{}, fmt.Errorf("open postgresql: %w", err)
	}
	guard, err := newGuard(ctx, loaded.Store.Resilience, postgres.Transient, logger, measured)
	if err != nil {
		return Store{}, errors.Join(err, opened.Close(ctx))
	}
	return Guarded(guard, Store{
		Orders:    opened,
		Summaries: opened,
		Inbox:     opened,
		Ping:      opened.Ping,
		Close:     opened.Close,
	}), nil
}

func Migrate(ctx context.Context, loaded config.Config, command string) (map[string]string, error) {
	if loaded.Store.Kind == config.StoreMemory {
		return map[string]string{"memory": "keeps no schema"}, nil
	}
	report, err := postgres.Migrate(ctx, settings(loaded), command)
	if err != nil {
		return nil, fmt.Errorf("migrate postgresql: %w", err)
	}
	return report, nil
}

func settings(loaded config.Config) postgres.Settings {
	return postgres.Settings{
		URL:      loaded.Store.DatabaseURL.Reveal(),
		MaxConns: loaded.Store.MaxConns,
		Timeout:  loaded.Store.Timeout,
	}
}
