package config

import (
	"fmt"
	"strconv"
)

const StoreMemory = "memory"

func (s *Store) contradictionsOfMemory(environment string) []string {
	var problems []string
	if environment != Local && !s.AllowMemory {
		problems = append(problems, "STORE: memory loses every order at a restart and is refused outside ENVIRONMENT=local; "+
			"set STORE="+durable+", or consent with ALLOW_MEMORY_STORE=true")
	}
	if s.Resilience.faulty() {
		problems = append(problems, "FAULT_FAILURES, FAULT_SLOW: have nothing to break when STORE=memory")
	}
	return problems
}

func connections(target *int32, least, most int64) func(string) error {
	return func(text string) error {
		value, err := strconv.ParseInt(text, 10, 32)
		if err != nil || value < least || value > most {
			return fmt.Errorf("%q is out of range, want a number from %d to %d", text, least, most)
		}
		*target = int32(value)
		return nil
	}
}
