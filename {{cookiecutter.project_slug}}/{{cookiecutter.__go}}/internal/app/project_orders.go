package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	projectionBatch   = 100
	projectionTimeout = 10 * time.Second
	slowestRetry      = 30 * time.Second
)

type Projector struct {
	Inbox   Inbox
	Metrics Metrics
	Tracer  Tracer
	Logger  *slog.Logger
	Every   time.Duration
	Wake    <-chan struct{}
}

func (p *Projector) Run(ctx context.Context) error {
	pause := p.Every
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			p.finish(context.WithoutCancel(ctx))
			return nil
		case <-timer.C:
		case <-p.Wake:
		}
		if err := p.Drain(context.WithoutCancel(ctx), ctx.Done()); err != nil {
			pause = min(pause*2, slowestRetry)
			p.Logger.ErrorContext(ctx, "Failed to project orders", "error", err, "retry_in", pause.String())
		} else {
			pause = p.Every
		}
		timer.Reset(pause)
	}
}

func (p *Projector) Drain(ctx context.Context, stop <-chan struct{}) error {
	for {
		taken, err := p.batch(ctx)
		if err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		default:
		}
		if taken < projectionBatch {
			return nil
		}
	}
}

func (p *Projector) finish(ctx context.Context) {
	if _, err := p.batch(ctx); err != nil {
		p.Logger.ErrorContext(ctx, "Failed to project orders", "error", err)
	}
}

func (p *Projector) batch(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, projectionTimeout)
	defer cancel()
	ctx, end := p.Tracer.Span(ctx, "project orders")
	var applied, duplicates int64
	batch, err := p.Inbox.Take(ctx, projectionBatch, func(ctx context.Context, event order.Placed, summaries Summaries) error {
		counted, err := tracedSummaries{summaries, p.Tracer}.Apply(ctx, event)
		if err != nil {
			return fmt.Errorf("apply event %s: %w", event.EventID, err)
		}
		if counted {
			applied++
		} else {
			duplicates++
		}
		return nil
	})
	end(err)
	if err != nil {
		p.Metrics.EventProjected(ctx, "failed", 1)
		return 0, fmt.Errorf("take events: %w", err)
	}
	p.Metrics.EventProjected(ctx, "applied", applied)
	p.Metrics.EventProjected(ctx, "duplicate", duplicates)
	p.Metrics.EventProjected(ctx, "parked", int64(batch.Parked))
	if batch.Taken > 0 {
		p.Logger.InfoContext(ctx, "Orders projected", "applied", applied, "duplicates", duplicates, "parked", batch.Parked)
	}
	pending, err := p.Inbox.Pending(ctx)
	if err != nil {
		return 0, fmt.Errorf("count pending events: %w", err)
	}
	p.Metrics.InboxPending(ctx, pending)
	return batch.Taken, nil
}
