package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

const exitPending = 3

var (
	version  = "dev"
	revision = "unknown"
)

func main() {
	commands := []string{store.CommandUp, store.CommandStatus, store.CommandDown, store.CommandSeed}
	os.Exit(process.Main(config.Migrate, process.Build{Version: version, Revision: revision}, commands, run))
}

func run(ctx context.Context, p *process.Process, command string) int {
	work := func() (int, error) { return migrate(ctx, p, command) }
	switch {
	case slices.Contains([]string{store.CommandDown, store.CommandSeed}, command) && !isPlayground(p.Config.Environment):
		p.Logger.ErrorContext(ctx, "Failed to migrate store", "command", command,
			"error", fmt.Sprintf("%s is for ENVIRONMENT=local and dev, this is %s", command, p.Config.Environment))
		return process.ExitUsage
	case command == store.CommandStatus:
		work = func() (int, error) { return status(ctx, p) }
	case command == store.CommandSeed:
		work = func() (int, error) { return seed(ctx, p) }
	}
	started := time.Now()
	code, err := work()
	if err = p.Finish(ctx, err); err != nil {
		p.Logger.ErrorContext(ctx, "Failed to migrate store", "command", command, "error", err, "duration_ms", time.Since(started).Milliseconds())
		return process.ExitFailed
	}
	return code
}

func isPlayground(environment string) bool {
	return environment == config.Local || environment == "dev"
}

func migrate(ctx context.Context, p *process.Process, command string) (int, error) {
	p.Logger.InfoContext(ctx, "Migrating store", "command", command, "store", p.Config.Store.Kind)
	started := time.Now()
	found, err := store.Migrate(ctx, p.Config, p.Logger, command)
	if err != nil {
		return process.ExitFailed, err
	}
	report := make(map[string]string, len(found))
	for _, one := range found {
		report[one.Name] = one.State
	}
	p.Logger.InfoContext(ctx, "Store migrated", "command", command, "migrations", report,
		"duration_ms", time.Since(started).Milliseconds())
	return process.ExitOK, nil
}

func status(ctx context.Context, p *process.Process) (int, error) {
	found, err := store.Migrate(ctx, p.Config, p.Logger, store.CommandStatus)
	if err != nil {
		return process.ExitFailed, err
	}
	if err := store.WriteStatus(os.Stdout, found); err != nil {
		return process.ExitFailed, err
	}
	if !store.Current(found) {
		return exitPending, nil
	}
	return process.ExitOK, nil
}

func seed(ctx context.Context, p *process.Process) (int, error) {
	opened, err := store.Open(ctx, config.Migrate, p.Config, p.Logger, p.Telemetry)
	if err != nil {
		return process.ExitFailed, fmt.Errorf("open store: %w", err)
	}
	p.Logger.InfoContext(ctx, "Seeding store", "store", p.Config.Store.Kind)
	placed, err := store.Seed(ctx, opened.Orders)
	if err != nil {
		return process.ExitFailed, err
	}
	p.Logger.InfoContext(ctx, "Store seeded", "placed", placed)
	if err := opened.Close(ctx); err != nil {
		return process.ExitFailed, fmt.Errorf("close store: %w", err)
	}
	return process.ExitOK, nil
}
