package config

import (
	"errors"
	"regexp"
	"time"
)

const (
	StoreMongoDB = "mongodb"
	durable      = StoreMongoDB
)

type Store struct {
	Kind           string
	AllowMemory    bool
	PurgeInterval  time.Duration
	EventRetention time.Duration
	DatabaseURL    Secret
	DatabaseName   string
	MaxConns       int32
	Timeout        time.Duration
	StartTimeout   time.Duration
	Resilience     Resilience
}

func (s *Store) variables() []variable {
	own := []variable{
		{"STORE", "memory", oneOf(&s.Kind, StoreMemory, StoreMongoDB)},
		{"ALLOW_MEMORY_STORE", "false", boolean(&s.AllowMemory)},
		{"STORE_PURGE_INTERVAL", "10m", duration(&s.PurgeInterval, time.Second, 24*time.Hour)},
		{"STORE_EVENT_RETENTION", "168h", duration(&s.EventRetention, time.Minute, 365*24*time.Hour)},
		{"DATABASE_URL", "", databaseURL(&s.DatabaseURL, &s.DatabaseName)},
		{"DATABASE_MAX_CONNS", "10", connections(&s.MaxConns, 2, 1000)},
		{"DATABASE_TIMEOUT", "5s", duration(&s.Timeout, 10*time.Millisecond, time.Minute)},
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
		problems = append(problems, "DATABASE_URL: is empty, want mongodb://user:password@host:27017/name when STORE=mongodb")
	}
	return problems
}

func databaseURL(target *Secret, name *string) func(string) error {
	return func(text string) error {
		if text == "" {
			return nil
		}
		parts := regexp.MustCompile(`^mongodb(?:\+srv)?://[^/?]+/([A-Za-z0-9_-]{1,63})(?:\?.*)?$`).FindStringSubmatch(text)
		if parts == nil {
			return errors.New("is no MongoDB URL that names a database, want mongodb://user:password@host:27017/name")
		}
		*target, *name = Secret(text), parts[1]
		return nil
	}
}
