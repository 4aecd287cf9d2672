package store

import (
	"context"

	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

// Store is what a process needs of a datastore. InProcess says that nobody else can project its events.
type Store struct {
	Orders    order.Repository
	Summaries app.Summaries
	Inbox     Inbox
	Retention retention.Records
	Wake      <-chan struct{}
	InProcess bool
	Ping      func(ctx context.Context) error
	Close     func(ctx context.Context) error
}

func openMemory() Store {
	kept := memory.New()
	return Store{
		Orders:    kept,
		Summaries: kept,
		Inbox:     kept,
		Retention: kept,
		Wake:      kept.Wake(),
		InProcess: true,
		Ping:      func(context.Context) error { return nil },
		Close:     func(context.Context) error { return nil },
	}
}
