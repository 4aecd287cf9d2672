package config

const StoreMemory = "memory"

type Store struct {
	Kind        string
	AllowMemory bool
}

func (s *Store) variables() []variable {
	return []variable{
		{"STORE", "memory", oneOf(&s.Kind, StoreMemory)},
		{"ALLOW_MEMORY_STORE", "false", boolean(&s.AllowMemory)},
	}
}

func (s *Store) contradictions(loaded *Config) []string {
	if loaded.Environment == Local || s.AllowMemory {
		return nil
	}
	return []string{"STORE: memory loses every order at a restart and is refused outside ENVIRONMENT=local; " +
		"consent with ALLOW_MEMORY_STORE=true"}
}
