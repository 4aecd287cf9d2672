package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/broker"
	"{{ cookiecutter.__go_module }}/internal/adapters/httpapi"
	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/platform/auth"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/health"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

var (
	version  = "dev"
	revision = "unknown"
)

func main() {
	os.Exit(process.Main(config.API, process.Build{Version: version, Revision: revision}, nil, run))
}

func run(ctx context.Context, p *process.Process, _ string) int {
	p.Logger.InfoContext(ctx, "Starting api", "revision", revision)
	server, err := start(ctx, p)
	if err != nil && ctx.Err() == nil {
		p.Logger.ErrorContext(ctx, "Failed to start api", "error", err)
		_ = p.Stop(ctx, false)
		return process.ExitFailed
	}
	if err == nil {
		p.Logger.InfoContext(ctx, "Api started", "http_addr", server.Address(), "admin_addr", p.AdminAddress(), "store", p.Config.Store.Kind)
	}

	failure := p.Group.Wait(ctx)

	started := time.Now()
	p.Logger.InfoContext(ctx, "Stopping api", "cause", process.Cause(failure))
	if err := p.Stop(ctx, failure == nil); err != nil {
		p.Logger.ErrorContext(ctx, "Failed to stop api", "error", err, "duration_ms", time.Since(started).Milliseconds())
		return process.ExitFailed
	}
	p.Logger.InfoContext(ctx, "Api stopped", "duration_ms", time.Since(started).Milliseconds())
	return process.ExitOK
}

func start(ctx context.Context, p *process.Process) (*httpserver.Server, error) {
	if err := p.StartAdmin(ctx); err != nil {
		return nil, fmt.Errorf("start admin listener: %w", err)
	}
	p.Health.WaitFor("store")
	opened, err := store.Open(ctx, config.API, p.Config, p.Logger, p.Telemetry)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := p.Group.Start(ctx, lifecycle.Component{Name: "store", Stop: opened.Close}); err != nil {
		return nil, fmt.Errorf("start store: %w", err)
	}
	if opened.InProcess {
		if err := broker.Start(ctx, p, opened); err != nil {
			return nil, err
		}
		purger := &retention.Purger{
			Records: opened.Retention, Logger: p.Logger, Clock: time.Now,
			Every: p.Config.Store.PurgeInterval, Keep: p.Config.Store.EventRetention,
		}
		if err := p.Group.Start(ctx, lifecycle.Component{Name: "purger", Run: purger.Run}); err != nil {
			return nil, fmt.Errorf("start purger: %w", err)
		}
	}
	server := newServer(p, opened)
	if err := p.Group.Start(ctx, server.Component()); err != nil {
		return nil, fmt.Errorf("start public listener: %w", err)
	}
	p.Health.Ready(map[string]health.Check{"store": opened.Ping})
	return server, nil
}

func newServer(p *process.Process, opened store.Store) *httpserver.Server {
	application := app.New(app.Dependencies{
		Orders:         opened.Orders,
		Summaries:      opened.Summaries,
		Metrics:        p.Telemetry,
		Tracer:         p.Telemetry,
		Logger:         p.Logger,
		Clock:          time.Now,
		IdempotencyTTL: p.Config.IdempotencyTTL,
		Timeout:        p.Config.RequestTimeout,
	})
	handler := httpserver.Wrap(httpapi.New(application, newGuard(p), p.Logger), httpserver.Options{
		Observer:       p.Telemetry.Requests("limit", "date"),
		Logger:         p.Logger,
		RequestTimeout: p.Config.RequestTimeout,
		MaxBodyBytes:   p.Config.MaxBodyBytes,
		MaxInFlight:    p.Config.MaxInFlight,
		Rate:           httpserver.Rate{PerSecond: float64(p.Config.RatePerSecond), Burst: int(p.Config.RateBurst)},
		TrustedProxies: p.Config.TrustedProxies,
		AllowedOrigins: p.Config.AllowedOrigins,
	})
	limits := httpserver.Limits{
		ReadHeader: p.Config.ReadHeaderTimeout,
		Read:       p.Config.ReadTimeout,
		Write:      p.Config.WriteTimeout,
		Idle:       p.Config.IdleTimeout,
	}
	return httpserver.New("public listener", p.Config.HTTPAddr, handler, limits, p.Logger)
}

func newGuard(p *process.Process) *auth.Guard {
	if p.Config.Auth.Mode == config.AuthOff {
		return auth.Open(p.Logger)
	}
	keys := auth.NewKeys(p.Config.Auth.JWKSURL, &http.Client{}, time.Now)
	rules := auth.Rules{Issuer: p.Config.Auth.Issuer, Audience: p.Config.Auth.Audience, Leeway: p.Config.Auth.Skew}
	return auth.NewGuard(auth.NewVerifier(keys, rules, time.Now), p.Logger)
}
