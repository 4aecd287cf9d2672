package main

import (
	"context"
	"os"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

var (
	version  = "dev"
	revision = "unknown"
)

func main() {
	os.Exit(process.Main(config.Migrate, process.Build{Version: version, Revision: revision}, []string{"up", "status"}, run))
}

func run(ctx context.Context, p *process.Process, command string) int {
	started := time.Now()
	p.Logger.InfoContext(ctx, "Migrating store", "command", command, "store", p.Config.Store.Kind)
	report, err := store.Migrate(ctx, p.Config, command)
	if err == nil {
		err = p.Stop(ctx, false)
	}
	if err != nil {
		p.Logger.ErrorContext(ctx, "Failed to migrate store", "command", command, "error", err, "duration_ms", time.Since(started).Milliseconds())
		return process.ExitFailed
	}
	p.Logger.InfoContext(ctx, "Store migrated", "command", command, "migrations", report, "duration_ms", time.Since(started).Milliseconds())
	return process.ExitOK
}
