package broker

import (
	"context"

	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

// Start begins to project the events of a store. There is no broker between: they are taken from its outbox.
func Start(ctx context.Context, p *process.Process, opened store.Store) error {
	return projectOutbox(ctx, p, opened)
}
