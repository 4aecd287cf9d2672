package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
	"{{ cookiecutter.__go_module }}/migrations"
)

func Open(
	ctx context.Context, name config.Process, loaded config.Config, logger *slog.Logger, measured *telemetry.Telemetry,
) (Store, error) {
	if loaded.Store.Kind == config.StoreMemory {
		return openMemory(), nil
	}
	opened, err := postgres.Open(ctx, settings(name, loaded), logger)
	if err != nil {
		return Store{}, fmt.Errorf("open postgresql: %w", err)
	}
	guard, err := newGuard(ctx, loaded.Store.Resilience, postgres.Transient, logger, measured)
	if err == nil {
		err = measured.Pool(dependency, func() telemetry.Pool { return telemetry.Pool(opened.Connections()) })
	}
	if err != nil {
		return Store{}, errors.Join(err, opened.Close(ctx))
	}
	return Guarded(guard, Store{
		Orders:    opened,
		Summaries: opened,
		Inbox:     opened,
		Retention: opened,
		Ping:      opened.Ping,
		Close:     opened.Close,
	}), nil
}

// Migrate runs one command and returns the migrations as they are after it. It waits for a database that comes up.
func Migrate(ctx context.Context, loaded config.Config, logger *slog.Logger, command string) ([]Migration, error) {
	if loaded.Store.Kind == config.StoreMemory {
		return nil, nil
	}
	opened, err := postgres.NewMigrator(settings(config.Migrate, loaded), migrations.Files)
	if err != nil {
		return nil, fmt.Errorf("open postgresql: %w", err)
	}
	found, err := migrate(ctx, opened, logger, command)
	if err != nil {
		return nil, fmt.Errorf("migrate postgresql: %w", err)
	}
	return found, nil
}

func settings(name config.Process, loaded config.Config) postgres.Settings {
	return postgres.Settings{
		URL:          loaded.Store.DatabaseURL.Reveal(),
		Application:  process.Service + "-" + string(name),
		MaxConns:     loaded.Store.MaxConns,
		Timeout:      loaded.Store.Timeout,
		LockTimeout:  loaded.Store.LockTimeout,
		IdleTimeout:  loaded.Store.IdleTimeout,
		StartTimeout: loaded.Store.StartTimeout,
	}
}
