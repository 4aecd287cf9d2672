package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Component is one part of a process. Start must return once the part works. Run, if set, blocks until its context ends
// or Stop was called. Drain, if set, is told ahead of Stop that the end is near, and must not block: the part goes on
// working and asks for no more work. Stop must return by the deadline of its context.
type Component struct {
	Name  string
	Start func(ctx context.Context) error
	Run   func(ctx context.Context) error
	Drain func()
	Stop  func(ctx context.Context) error
}

type running struct {
	component Component
	cancel    context.CancelFunc
	done      chan struct{}
	err       error
}

// Group starts components in the order they are given and stops them in the opposite one.
type Group struct {
	logger *slog.Logger
	parts  []*running
	failed chan error
}

func NewGroup(logger *slog.Logger) *Group {
	return &Group{logger: logger, failed: make(chan error, 1)}
}

func (g *Group) Start(ctx context.Context, component Component) error {
	if component.Start != nil {
		if err := component.Start(ctx); err != nil {
			return fmt.Errorf("start %s: %w", component.Name, err)
		}
	}
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	part := &running{component: component, cancel: cancel, done: make(chan struct{})}
	g.parts = append(g.parts, part)
	if component.Run == nil {
		close(part.done)
		return nil
	}
	go g.run(runCtx, part)
	return nil
}

func (g *Group) run(ctx context.Context, part *running) {
	defer close(part.done)
	part.err = part.component.Run(ctx)
	if part.err != nil {
		select {
		case g.failed <- fmt.Errorf("run %s: %w", part.component.Name, part.err):
		default:
		}
	}
}

// Wait returns nil once the context ends, or the error of the first component that failed before.
func (g *Group) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.failed:
		return err
	}
}

func (g *Group) Drain() {
	for _, part := range slices.Backward(g.parts) {
		if part.component.Drain != nil {
			part.component.Drain()
		}
	}
}

func (g *Group) Stop(ctx context.Context) error {
	var errs []error
	for _, part := range slices.Backward(g.parts) {
		if err := part.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", part.component.Name, err))
		}
		g.logger.DebugContext(ctx, "Component stopped", "component", part.component.Name)
	}
	g.parts = nil
	return errors.Join(errs...)
}

func (r *running) stop(ctx context.Context) error {
	var err error
	if r.component.Stop != nil {
		err = r.component.Stop(ctx)
	}
	r.cancel()
	select {
	case <-r.done:
		return errors.Join(err, r.err)
	case <-ctx.Done():
		return errors.Join(err, r.late(ctx))
	}
}

func (r *running) late(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	default:
		return fmt.Errorf("still running: %w", ctx.Err())
	}
}
