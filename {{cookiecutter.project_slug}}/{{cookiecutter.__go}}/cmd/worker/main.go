package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/broker"
	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/health"
	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

var (
	version  = "dev"
	revision = "unknown"
)

func main() {
	os.Exit(process.Main(config.Worker, process.Build{Version: version, Revision: revision}, nil, run))
}

func run(ctx context.Context, p *process.Process, _ string) int {
	p.Logger.InfoContext(ctx, "Starting worker", "revision", revision)
	err := start(ctx, p)
	if err != nil && ctx.Err() == nil {
		p.Logger.ErrorContext(ctx, "Failed to start worker", "error", err)
		_ = p.Stop(ctx, false)
		return process.ExitFailed
	}
	if err == nil {
		p.Logger.InfoContext(ctx, "Worker started", "admin_addr", p.AdminAddress(), "store", p.Config.Store.Kind)
	}

	failure := p.Group.Wait(ctx)

	started := time.Now()
	p.Logger.InfoContext(ctx, "Stopping worker", "cause", process.Cause(failure))
	if err := p.Stop(ctx, false); err != nil {
		p.Logger.ErrorContext(ctx, "Failed to stop worker", "error", err, "duration_ms", time.Since(started).Milliseconds())
		return process.ExitFailed
	}
	p.Logger.InfoContext(ctx, "Worker stopped", "duration_ms", time.Since(started).Milliseconds())
	return process.ExitOK
}

func start(ctx context.Context, p *process.Process) error {
	if err := p.StartAdmin(ctx); err != nil {
		return fmt.Errorf("start admin listener: %w", err)
	}
	p.Health.WaitFor("store")
	opened, err := store.Open(ctx, config.Worker, p.Config, p.Logger, p.Telemetry)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if opened.InProcess {
		p.Logger.WarnContext(ctx, "Memory store opened", "effect", "orders placed at the api never arrive here; the api projects them itself")
	}
	if err := p.Group.Start(ctx, lifecycle.Component{Name: "store", Stop: opened.Close}); err != nil {
		return fmt.Errorf("start store: %w", err)
	}
	if err := broker.Start(ctx, p, opened); err != nil {
		return err
	}
	if err := p.Group.Start(ctx, lifecycle.Component{Name: "purger", Run: purger(p, opened).Run}); err != nil {
		return fmt.Errorf("start purger: %w", err)
	}
	p.Health.Ready(map[string]health.Check{"store": opened.Ping})
	return nil
}

func purger(p *process.Process, opened store.Store) *retention.Purger {
	return &retention.Purger{
		Records: opened.Retention, Logger: p.Logger, Clock: time.Now,
		Every: p.Config.Store.PurgeInterval, Keep: p.Config.Store.EventRetention,
	}
}
