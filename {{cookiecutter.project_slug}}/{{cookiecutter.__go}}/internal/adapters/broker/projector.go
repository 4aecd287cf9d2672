// Package broker brings events from the outbox of a store to those who project them.
package broker

import (
	"context"
	"fmt"

	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

func projectOutbox(ctx context.Context, p *process.Process, opened store.Store) error {
	return startProjector(ctx, p, &app.Projector{
		Inbox: opened.Inbox, Metrics: p.Telemetry, Wake: opened.Wake, Every: p.Config.WorkerPollInterval,
	})
}

func startProjector(ctx context.Context, p *process.Process, projector *app.Projector) error {
	projector.Tracer, projector.Logger = p.Telemetry, p.Logger
	if err := p.Group.Start(ctx, lifecycle.Component{Name: "projector", Run: projector.Run}); err != nil {
		return fmt.Errorf("start projector: %w", err)
	}
	return nil
}
