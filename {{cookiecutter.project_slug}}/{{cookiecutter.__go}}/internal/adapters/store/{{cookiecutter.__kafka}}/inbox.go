package store

import (
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/app"
)

// Inbox is what a process needs of the events that a store holds: to project them here, or to publish them.
type Inbox interface {
	app.Inbox
	outbox.Source
}
