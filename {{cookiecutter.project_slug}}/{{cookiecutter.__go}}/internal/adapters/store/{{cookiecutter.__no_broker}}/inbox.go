package store

import "{{ cookiecutter.__go_module }}/internal/app"

// Inbox is what a process needs of the events that a store holds.
type Inbox = app.Inbox
