package store

import (
	"context"
	"fmt"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/adapters/mongo"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/migrations"
)

func connect(ctx context.Context, name config.Process, loaded config.Config, logger *slog.Logger) (database, error) {
	opened, err := mongo.Open(ctx, settings(name, loaded), logger)
	if err != nil {
		return nil, fmt.Errorf("open mongodb: %w", err)
	}
	return opened, nil
}

func newMigrator(loaded config.Config) (migrator, error) {
	opened, err := mongo.NewMigrator(settings(config.Migrate, loaded), migrations.Files)
	if err != nil {
		return nil, fmt.Errorf("open mongodb: %w", err)
	}
	return opened, nil
}

func transient(err error) bool {
	return mongo.Transient(err)
}

func settings(name config.Process, loaded config.Config) mongo.Settings {
	return mongo.Settings{
		URL:          loaded.Store.DatabaseURL.Reveal(),
		Database:     loaded.Store.DatabaseName,
		Application:  application(name),
		MaxConns:     loaded.Store.MaxConns,
		Timeout:      loaded.Store.Timeout,
		StartTimeout: loaded.Store.StartTimeout,
	}
}
