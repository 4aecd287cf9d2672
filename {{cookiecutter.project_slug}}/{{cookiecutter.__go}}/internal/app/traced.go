package app

import (
	"context"
	"errors"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type tracedOrders struct {
	next   order.Repository
	tracer Tracer
}

func (t tracedOrders) Add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	ctx, end := t.tracer.Span(ctx, "orders.add")
	stored, replayed, err := t.next.Add(ctx, placement)
	end(failure(err))
	return stored, replayed, err
}

func (t tracedOrders) Find(ctx context.Context, id order.ID) (order.Order, error) {
	ctx, end := t.tracer.Span(ctx, "orders.find")
	found, err := t.next.Find(ctx, id)
	end(failure(err))
	return found, err
}

func (t tracedOrders) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	ctx, end := t.tracer.Span(ctx, "orders.list")
	found, err := t.next.List(ctx, page)
	end(failure(err))
	return found, err
}

type tracedSummaries struct {
	next   Summaries
	tracer Tracer
}

func (t tracedSummaries) Apply(ctx context.Context, event order.Placed) (bool, error) {
	ctx, end := t.tracer.Span(ctx, "summaries.apply")
	applied, err := t.next.Apply(ctx, event)
	end(failure(err))
	return applied, err
}

func (t tracedSummaries) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	ctx, end := t.tracer.Span(ctx, "summaries.daily")
	summary, err := t.next.Daily(ctx, day)
	end(failure(err))
	return summary, err
}

func failure(err error) error {
	if errors.Is(err, order.ErrNotFound) || errors.Is(err, order.ErrIdempotencyConflict) {
		return nil
	}
	return err
}
