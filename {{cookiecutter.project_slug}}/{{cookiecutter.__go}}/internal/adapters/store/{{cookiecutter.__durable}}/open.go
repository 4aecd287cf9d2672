package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

type database interface {
	order.Repository
	app.Summaries
	Inbox
	retention.Records

	Connections() telemetry.Pool
	Ping(ctx context.Context) error
	Close(ctx context.Context) error
}

func Open(
	ctx context.Context, name config.Process, loaded config.Config, logger *slog.Logger, measured *telemetry.Telemetry,
) (Store, error) {
	if loaded.Store.Kind == config.StoreMemory {
		return openMemory(), nil
	}
	opened, err := connect(ctx, name, loaded, logger)
	if err != nil {
		return Store{}, err
	}
	guard, err := newGuard(ctx, loaded.Store.Resilience, transient, logger, measured)
	if err == nil {
		err = measured.Pool(dependency, opened.Connections)
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
	opened, err := newMigrator(loaded)
	if err != nil {
		return nil, err
	}
	found, err := migrate(ctx, opened, logger, command)
	if err != nil {
		return nil, fmt.Errorf("migrate %s: %w", loaded.Store.Kind, err)
	}
	return found, nil
}

func application(name config.Process) string {
	return process.Service + "-" + string(name)
}
