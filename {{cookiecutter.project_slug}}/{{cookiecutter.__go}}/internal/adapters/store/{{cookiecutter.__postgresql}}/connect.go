package store

import (
	"context"
	"fmt"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/migrations"
)

func connect(ctx context.Context, name config.Process, loaded config.Config, logger *slog.Logger) (database, error) {
	opened, err := postgres.Open(ctx, settings(name, loaded), logger)
	if err != nil {
		return nil, fmt.Errorf("open postgresql: %w", err)
	}
	return opened, nil
}

func newMigrator(loaded config.Config) (migrator, error) {
	opened, err := postgres.NewMigrator(settings(config.Migrate, loaded), migrations.Files)
	if err != nil {
		return nil, fmt.Errorf("open postgresql: %w", err)
	}
	return opened, nil
}

func transient(err error) bool {
	return postgres.Transient(err)
}

func settings(name config.Process, loaded config.Config) postgres.Settings {
	return postgres.Settings{
		URL:          loaded.Store.DatabaseURL.Reveal(),
		Application:  application(name),
		MaxConns:     loaded.Store.MaxConns,
		Timeout:      loaded.Store.Timeout,
		LockTimeout:  loaded.Store.LockTimeout,
		IdleTimeout:  loaded.Store.IdleTimeout,
		StartTimeout: loaded.Store.StartTimeout,
	}
}
