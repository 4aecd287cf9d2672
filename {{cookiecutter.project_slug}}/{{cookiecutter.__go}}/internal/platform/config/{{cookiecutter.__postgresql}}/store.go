package config

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

const (
	StorePostgreSQL = "postgresql"
	durable         = StorePostgreSQL
)

type Store struct {
	Kind           string
	AllowMemory    bool
	PurgeInterval  time.Duration
	EventRetention time.Duration
	DatabaseURL    Secret
	MaxConns       int32
	Timeout        time.Duration
	LockTimeout    time.Duration
	IdleTimeout    time.Duration
	StartTimeout   time.Duration
	Resilience     Resilience
}

func (s *Store) variables() []variable {
	own := []variable{
		{"STORE", "memory", oneOf(&s.Kind, StoreMemory, StorePostgreSQL)},
		{"ALLOW_MEMORY_STORE", "false", boolean(&s.AllowMemory)},
		{"STORE_PURGE_INTERVAL", "10m", duration(&s.PurgeInterval, time.Second, 24*time.Hour)},
		{"STORE_EVENT_RETENTION", "168h", duration(&s.EventRetention, time.Minute, 365*24*time.Hour)},
		{"DATABASE_URL", "", databaseURL(&s.DatabaseURL)},
		{"DATABASE_MAX_CONNS", "10", connections(&s.MaxConns, 2, 1000)},
		{"DATABASE_TIMEOUT", "5s", duration(&s.Timeout, 10*time.Millisecond, time.Minute)},
		{"DATABASE_LOCK_TIMEOUT", "2s", duration(&s.LockTimeout, 10*time.Millisecond, time.Minute)},
		{"DATABASE_IDLE_TRANSACTION_TIMEOUT", "10s", duration(&s.IdleTimeout, time.Second, 10*time.Minute)},
		{"DATABASE_START_TIMEOUT", "60s", duration(&s.StartTimeout, time.Second, 10*time.Minute)},
	}
	return append(own, s.Resilience.variables()...)
}

func (s *Store) contradictions(loaded *Config) []string {
	if s.Kind == StoreMemory {
		return s.contradictionsOfMemory(loaded.Environment)
	}
	problems := s.Resilience.contradictions(loaded)
	if s.DatabaseURL == "" {
		problems = append(problems, "DATABASE_URL: is empty, want postgres://user:password@host:5432/name when STORE=postgresql")
	}
	if s.LockTimeout > s.Timeout {
		problems = append(problems, fmt.Sprintf("DATABASE_LOCK_TIMEOUT: %s is more than DATABASE_TIMEOUT %s, it would never be reached",
			s.LockTimeout, s.Timeout))
	}
	return problems
}

func databaseURL(target *Secret) func(string) error {
	return func(text string) error {
		if text == "" {
			return nil
		}
		parsed, err := url.Parse(text)
		if err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
			return errors.New("is no PostgreSQL URL, want postgres://user:password@host:5432/name")
		}
		*target = Secret(text)
		return nil
	}
}
