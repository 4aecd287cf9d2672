package config

// Broker has nothing to set: events travel through the outbox of the store.
type Broker struct{}

func (*Broker) variables() []variable { return nil }

func (*Broker) contradictions(*Config) []string { return nil }
