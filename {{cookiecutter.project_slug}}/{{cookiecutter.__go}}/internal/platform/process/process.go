package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
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
	flushShare   = 10

	defaultGCPercent = 100
	relaxedGCPercent = 400
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

	name   config.Process
	build  Build
	admin  *httpserver.Server
	finish func(error)

	stopBy  time.Time
	outcome error
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
	if name != config.Pipeline {
		relaxCollector()
	}
	ctx, stop := Signals(context.Background())
	defer stop()
	p, ctx, err := start(ctx, name, build, loaded, os.Stdout)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return ExitFailed
	}
	code = run(ctx, p, argument)
	p.flush(ctx)
	return code
}

func relaxCollector() {
	if before := debug.SetGCPercent(relaxedGCPercent); before != defaultGCPercent {
		debug.SetGCPercent(before)
	}
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
	logger := logging.New(os.Stderr, slog.LevelInfo, nil, fields(name, build, "")...)
	if invalid, ok := errors.AsType[*config.Error](err); ok {
		logger.Error("Failed to load configuration", "errors", invalid.Problems)
	} else {
		logger.Error("Failed to load configuration", "error", err)
	}
	return ExitUsage
}

func start(ctx context.Context, name config.Process, build Build, loaded config.Config, out io.Writer) (*Process, context.Context, error) {
	measured, err := newTelemetry(ctx, name, build, loaded)
	if err != nil {
		return nil, ctx, fmt.Errorf("start telemetry: %w", err)
	}
	about := fields(name, build, loaded.Environment)
	telemetry.ReportTo(logging.New(out, loaded.LogLevel, nil, about...))
	logger := logging.New(out, loaded.LogLevel, measured.LogHandler(), about...)
	p := &Process{
		Config: loaded, Logger: logger, Telemetry: measured, Health: health.New(), Group: lifecycle.NewGroup(logger),
		name: name, build: build, finish: func(error) {},
	}
	if name == config.API || name == config.Worker {
		return p, measured.Lifetime(ctx), nil
	}
	ctx, p.finish = measured.Span(ctx, string(name))
	return p, ctx, nil
}

func newTelemetry(ctx context.Context, name config.Process, build Build, loaded config.Config) (*telemetry.Telemetry, error) {
	chosen := loaded.Telemetry
	headers := make(map[string]string, len(chosen.Headers))
	for header, value := range chosen.Headers {
		headers[header] = value.Reveal()
	}
	exporters, err := telemetry.OTLP(ctx, telemetry.Collector{
		Endpoint: chosen.Endpoint,
		Headers:  headers,
		Traces:   chosen.Exports(chosen.Traces),
		Metrics:  chosen.Exports(chosen.Metrics),
		Logs:     chosen.Exports(chosen.Logs),
	})
	if err != nil {
		return nil, err
	}
	return telemetry.New(ctx, telemetry.Settings{
		Service: telemetry.Service{
			Name: Service, Process: string(name), Version: build.Version, Revision: build.Revision, Environment: loaded.Environment,
		},
		Exporters:   exporters,
		SampleRatio: chosen.SampleRatio,
	})
}

func fields(name config.Process, build Build, environment string) []slog.Attr {
	known := []slog.Attr{slog.String("service", Service), slog.String("process", string(name)), slog.String("version", build.Version)}
	if environment != "" {
		known = append(known, slog.String("environment", environment))
	}
	return known
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

// Stop says that the process is not ready, waits for the drain delay if it was, and stops every component, the latest
// first. All of it is within SHUTDOWN_TIMEOUT, of which a tenth, at most 2 s, is kept for what Main does last: telemetry is
// flushed when the last line is logged.
func (p *Process) Stop(ctx context.Context, drain bool) error {
	p.stopBy = time.Now().Add(p.Config.ShutdownTimeout)
	ctx = context.WithoutCancel(ctx)
	wasReady := p.Health.Unready()
	p.Group.Drain()
	if drain && wasReady && p.Config.DrainDelay > 0 {
		p.Logger.InfoContext(ctx, "Draining traffic", "delay", p.Config.DrainDelay.String())
		<-time.After(p.Config.DrainDelay)
		p.Logger.InfoContext(ctx, "Traffic drained")
	}
	left := time.Until(p.stopBy)
	ctx, cancel := context.WithTimeout(ctx, left-min(flushTimeout, left/flushShare))
	defer cancel()
	err := p.Group.Stop(ctx)
	p.finish(errors.Join(p.outcome, err))
	return err
}

// Finish ends a process that has done its work, or failed to: its span carries the outcome, which is returned.
func (p *Process) Finish(ctx context.Context, outcome error) error {
	p.outcome = outcome
	return errors.Join(outcome, p.Stop(ctx, false))
}

func (p *Process) flush(ctx context.Context) {
	limit := flushTimeout
	if !p.stopBy.IsZero() {
		limit = min(limit, time.Until(p.stopBy))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := p.Telemetry.Shutdown(ctx); err != nil {
		p.Logger.WarnContext(ctx, "Failed to flush telemetry", "error", err)
	}
}

func Cause(failure error) string {
	if failure == nil {
		return "signal"
	}
	return failure.Error()
}
