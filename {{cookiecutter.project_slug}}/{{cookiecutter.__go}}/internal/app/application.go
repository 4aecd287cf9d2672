package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type Dependencies struct {
	Orders         order.Repository
	Summaries      Summaries
	Metrics        Metrics
	Tracer         Tracer
	Logger         *slog.Logger
	Clock          Clock
	IdempotencyTTL time.Duration
	Timeout        time.Duration
}

type Application struct {
	PlaceOrder   Handler[PlaceOrder, PlaceOrderResult]
	GetOrder     Handler[order.ID, order.Order]
	ListOrders   Handler[order.Page, OrderPage]
	DailySummary Handler[order.Day, order.DailySummary]
}

func New(deps Dependencies) Application {
	deps.Orders = tracedOrders{deps.Orders, deps.Tracer}
	deps.Summaries = tracedSummaries{deps.Summaries, deps.Tracer}
	return Application{
		PlaceOrder:   decorate(deps, "place order", deps.placeOrder),
		GetOrder:     decorate(deps, "get order", deps.getOrder),
		ListOrders:   decorate(deps, "list orders", deps.listOrders),
		DailySummary: decorate(deps, "daily summary", deps.dailySummary),
	}
}

func decorate[Q, R any](deps Dependencies, name string, handler Handler[Q, R]) Handler[Q, R] {
	return withSpan(deps.Tracer, name, withTimeout(deps.Timeout, handler))
}

func (d Dependencies) getOrder(ctx context.Context, id order.ID) (order.Order, error) {
	found, err := d.Orders.Find(ctx, id)
	if err != nil {
		return order.Order{}, fmt.Errorf("find order %s: %w", id, err)
	}
	return found, nil
}

func (d Dependencies) dailySummary(ctx context.Context, day order.Day) (order.DailySummary, error) {
	summary, err := d.Summaries.Daily(ctx, day)
	if err != nil {
		return order.DailySummary{}, fmt.Errorf("summarise %s: %w", day, err)
	}
	return summary, nil
}
