package config

import "time"

const StoreMemory = "memory"

type Store struct {
	Kind           string
	AllowMemory    bool
	PurgeInterval  time.Duration
	EventRetention time.Duration
}

func (s *Store) variables() []variable {
	return []variable{
		{"STORE", "memory", oneOf(&s.Kind, StoreMemory)},
		{"ALLOW_MEMORY_STORE", "false", boolean(&s.AllowMemory)},
		{"STORE_PURGE_INTERVAL", "10m", duration(&s.PurgeInterval, time.Second, 24*time.Hour)},
		{"STORE_EVENT_RETENTION", "168h", duration(&s.EventRetention, time.Minute, 365*24*time.Hour)},
	}
}

func (s *Store) contradictions(loaded *Config) []string {
	if loaded.Environment == Local || s.AllowMemory {
		return nil
	}
	return []string{"STORE: memory loses every order at a restart and is refused outside ENVIRONMENT=local; " +
		"consent with ALLOW_MEMORY_STORE=true"}
}
