package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/health"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
	"{{ cookiecutter.__go_module }}/internal/platform/logging"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const (
	Service = "{{ cookiecutter.project_slug }}"

	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2

	healthcheck  = "healthcheck"
	flushTimeout = 2 * time.Second
)

type Build struct {
	Version  string
	Revision string
}

type Process struct {
	Config    config.Config
	Logger    *slog.Logger
	Telemetry *telemetry.Telemetry
	Health    *health.State
	Group     *lifecycle.Group

	name     config.Process
	build    Build
	admin    *httpserver.Server
	shutdown func(error)
}

// Main answers the arguments every process knows (healthcheck, version), loads the configuration and hands over to run.
// It returns the exit code: 0 stopped cleanly, 1 failed while running, 2 bad configuration or arguments.
func Main(name config.Process, build Build, allowed []string, run func(ctx context.Context, p *Process, argument string) int) int {
	argument, code, done := parseArguments(name, build, os.Args[1:], allowed, os.Stdout, os.Stderr)
	if done {
		return code
	}
	loaded, err := config.Load(name, os.LookupEnv)
	if argument == healthcheck {
		return probe(loaded.AdminAddr)
	}
	if err != nil {
		return refuse(name, build, err)
	}
	ctx, stop := Signals(context.Background())
	defer stop()
	p, ctx, err := start(ctx, name, build, loaded, os.Stdout)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return ExitFailed
	}
	return run(ctx, p, argument)
}

func parseArguments(name config.Process, build Build, args, allowed []string, out, errOut io.Writer) (string, int, bool) {
	if len(args) == 0 && len(allowed) == 0 {
		return "", ExitOK, false
	}
	if len(args) == 1 {
		argument := strings.TrimLeft(args[0], "-")
		switch {
		case argument == "version":
			_, _ = fmt.Fprintf(out, "%s %s %s %s\n", Service, name, build.Version, build.Revision)
			return "", ExitOK, true
		case argument == healthcheck, slices.Contains(allowed, argument):
			return argument, ExitOK, false
		}
	}
	known := strings.Join(append(slices.Clone(allowed), "version", healthcheck), ", ")
	_, _ = fmt.Fprintf(errOut, "%s: arguments %q, want one of %s\n", name, args, known)
	return "", ExitUsage, true
}

func probe(address string) int {
	if err := health.Probe(context.Background(), address); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return ExitFailed
	}
	return ExitOK
}

func refuse(name config.Process, build Build, err error) int {
	logger := logging.New(os.Stderr, slog.LevelInfo, "service", Service, "process", string(name), "version", build.Version)
	if invalid, ok := errors.AsType[*config.Error](err); ok {
		logger.Error("Failed to load configuration", "errors", invalid.Problems)
	} else {
		logger.Error("Failed to load configuration", "error", err)
	}
	return ExitUsage
}

func start(ctx context.Context, name config.Process, build Build, loaded config.Config, out io.Writer) (*Process, context.Context, error) {
	logger := logging.New(out, loaded.LogLevel,
		"service", Service, "process", string(name), "version", build.Version, "environment", loaded.Environment)
	measured, err := telemetry.New(telemetry.Service{
		Name: Service, Process: string(name), Version: build.Version, Revision: build.Revision, Environment: loaded.Environment,
	})
	if err != nil {
		return nil, ctx, fmt.Errorf("start telemetry: %w", err)
	}
	p := &Process{
		Config: loaded, Logger: logger, Telemetry: measured, Health: health.New(), Group: lifecycle.NewGroup(logger),
		name: name, build: build,
	}
	ctx, p.shutdown = measured.Span(ctx, string(name))
	return p, ctx, nil
}

// Signals returns a context that ends at the first SIGTERM or SIGINT. The second one ends the process at once.
func Signals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	received := make(chan os.Signal, 2)
	signal.Notify(received, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		select {
		case <-received:
			cancel()
		case <-parent.Done():
			return
		}
		<-received
		os.Exit(ExitFailed) //nolint:revive // a second signal ends the process at once
	}()
	return ctx, func() {
		signal.Stop(received)
		cancel()
	}
}

// StartAdmin opens the admin listener: first of all, so that a process that waits for its store can be asked how it is.
func (p *Process) StartAdmin(ctx context.Context) error {
	about := httpserver.About{Service: Service, Process: string(p.name), Version: p.build.Version, Revision: p.build.Revision}
	handler := httpserver.Admin(p.Health, p.Telemetry.Exposition, about, p.Config.PprofEnabled)
	limits := httpserver.Limits{ReadHeader: p.Config.ReadHeaderTimeout, Read: p.Config.ReadTimeout, Idle: p.Config.IdleTimeout}
	p.admin = httpserver.New("admin listener", p.Config.AdminAddr, handler, limits, p.Logger)
	return p.Group.Start(ctx, p.admin.Component())
}

func (p *Process) AdminAddress() string {
	return p.admin.Address()
}

// Stop says that the process is not ready, waits for the drain delay, stops every component, the latest first, and
// flushes telemetry last, all of it within SHUTDOWN_TIMEOUT.
func (p *Process) Stop(ctx context.Context, drain bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.Config.ShutdownTimeout)
	defer cancel()
	p.Health.Unready()
	if drain && p.Config.DrainDelay > 0 {
		p.Logger.InfoContext(ctx, "Draining traffic", "delay", p.Config.DrainDelay.String())
		select {
		case <-time.After(p.Config.DrainDelay):
		case <-ctx.Done():
		}
	}
	err := p.Group.Stop(ctx)
	p.shutdown(err)
	flush, cancelFlush := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancelFlush()
	return errors.Join(err, p.Telemetry.Shutdown(flush))
}

func Cause(failure error) string {
	if failure == nil {
		return "signal"
	}
	return failure.Error()
}
