package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
)

type Process string

const (
	API      Process = "api"
	Worker   Process = "worker"
	Migrate  Process = "migrate"
	Pipeline Process = "pipeline"

	Local = "local"
)

type Config struct {
	PipelineSettings

	Environment        string
	HTTPAddr           string
	AdminAddr          string
	LogLevel           slog.Level
	Store              Store
	Broker             Broker
	Auth               Auth
	Telemetry          Telemetry
	ShutdownTimeout    time.Duration
	DrainDelay         time.Duration
	ReadHeaderTimeout  time.Duration
	ReadTimeout        time.Duration
	WriteTimeout       time.Duration
	IdleTimeout        time.Duration
	RequestTimeout     time.Duration
	MaxBodyBytes       int64
	MaxInFlight        int64
	RatePerSecond      int64
	RateBurst          int64
	TrustedProxies     []netip.Prefix
	AllowedOrigins     []string
	IdempotencyTTL     time.Duration
	PprofEnabled       bool
	WorkerPollInterval time.Duration
}

type variable struct {
	name     string
	fallback string
	set      func(text string) error
}

type Lookup func(name string) (string, bool)

// Error holds every problem of a configuration, each as "NAME: what is wrong and what is wanted".
type Error struct {
	Problems []string
}

func (e *Error) Error() string {
	return "invalid configuration: " + strings.Join(e.Problems, "; ")
}

func (c *Config) variables() []variable {
	common := []variable{
		{"ENVIRONMENT", "local", oneOf(&c.Environment, Local, "dev", "staging", "production")},
		{"HTTP_ADDR", ":8080", address(&c.HTTPAddr)},
		{"ADMIN_ADDR", ":9090", address(&c.AdminAddr)},
		{"LOG_LEVEL", "info", level(&c.LogLevel)},
		{"SHUTDOWN_TIMEOUT", "25s", duration(&c.ShutdownTimeout, time.Second, 10*time.Minute)},
		{"DRAIN_DELAY", "0s", duration(&c.DrainDelay, 0, 5*time.Minute)},
		{"HTTP_READ_HEADER_TIMEOUT", "2s", duration(&c.ReadHeaderTimeout, time.Millisecond, time.Minute)},
		{"HTTP_READ_TIMEOUT", "10s", duration(&c.ReadTimeout, time.Millisecond, 10*time.Minute)},
		{"HTTP_WRITE_TIMEOUT", "15s", duration(&c.WriteTimeout, time.Millisecond, 10*time.Minute)},
		{"HTTP_IDLE_TIMEOUT", "60s", duration(&c.IdleTimeout, time.Millisecond, time.Hour)},
		{"REQUEST_TIMEOUT", "10s", duration(&c.RequestTimeout, time.Millisecond, 10*time.Minute)},
		{"HTTP_MAX_BODY_BYTES", "1048576", integer(&c.MaxBodyBytes, 1, 64<<20)},
		{"HTTP_MAX_IN_FLIGHT", "512", integer(&c.MaxInFlight, 1, 1<<20)},
		{"HTTP_TRUSTED_PROXIES", "", networks(&c.TrustedProxies)},
		{"RATE_LIMIT_PER_SECOND", "100", integer(&c.RatePerSecond, 0, 1<<20)},
		{"RATE_LIMIT_BURST", "200", integer(&c.RateBurst, 1, 1<<20)},
		{"CORS_ALLOWED_ORIGINS", "", origins(&c.AllowedOrigins)},
		{"IDEMPOTENCY_TTL", "24h", duration(&c.IdempotencyTTL, time.Second, 30*24*time.Hour)},
		{"PPROF_ENABLED", "false", boolean(&c.PprofEnabled)},
		{"WORKER_POLL_INTERVAL", "500ms", duration(&c.WorkerPollInterval, 10*time.Millisecond, time.Hour)},
	}
	return slices.Concat(common, c.PipelineSettings.variables(), c.Telemetry.variables(), c.Auth.variables(), c.Store.variables(), c.Broker.variables())
}

func Load(process Process, lookup Lookup) (Config, error) {
	var loaded Config
	var problems []string
	for _, entry := range loaded.variables() {
		value, _ := lookup(entry.name)
		if value == "" {
			value = entry.fallback
		}
		if err := entry.set(value); err != nil {
			problems = append(problems, entry.name+": "+err.Error())
		}
	}
	problems = append(problems, loaded.contradictions(process)...)
	if len(problems) > 0 {
		return loaded, &Error{Problems: problems}
	}
	return loaded, nil
}

func (c *Config) contradictions(process Process) []string {
	var problems []string
	refuse := func(broken bool, format string, args ...any) {
		if broken {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	refuse(c.DrainDelay > 0 && c.DrainDelay >= c.ShutdownTimeout,
		"DRAIN_DELAY: %s leaves nothing of SHUTDOWN_TIMEOUT %s, want less", c.DrainDelay, c.ShutdownTimeout)
	refuse(c.RequestTimeout > c.WriteTimeout,
		"REQUEST_TIMEOUT: %s is more than HTTP_WRITE_TIMEOUT %s, the answer would be cut off", c.RequestTimeout, c.WriteTimeout)
	refuse(c.RatePerSecond > c.RateBurst,
		"RATE_LIMIT_BURST: %d is less than RATE_LIMIT_PER_SECOND %d, which could never be used", c.RateBurst, c.RatePerSecond)
	refuse(c.ReadHeaderTimeout > c.ReadTimeout,
		"HTTP_READ_HEADER_TIMEOUT: %s is more than HTTP_READ_TIMEOUT %s", c.ReadHeaderTimeout, c.ReadTimeout)
	if process == API {
		problems = append(problems, c.Auth.contradictions(c.Environment)...)
	}
	problems = append(problems, c.Telemetry.contradictions(c.Environment)...)
	if slices.Contains([]Process{API, Worker, Migrate}, process) {
		problems = append(problems, c.Store.contradictions(c)...)
	}
	if process != Pipeline && process != Migrate {
		problems = append(problems, c.Broker.contradictions(c)...)
	}
	return problems
}
