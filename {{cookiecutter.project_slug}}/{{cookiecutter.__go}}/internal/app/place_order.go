package app

import (
	"context"
	"crypto/sha256"
	"fmt"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type PlaceOrder struct {
	Draft          order.Draft
	IdempotencyKey string
}

type PlaceOrderResult struct {
	Order    order.Order
	Replayed bool
}

func (d Dependencies) placeOrder(ctx context.Context, command PlaceOrder) (PlaceOrderResult, error) {
	d.Logger.DebugContext(ctx, "Placing order")
	result, err := d.place(ctx, command)
	if err != nil {
		d.Logger.InfoContext(ctx, "Failed to place order", "error", err)
		return PlaceOrderResult{}, err
	}
	state := result.Order.Snapshot()
	if !result.Replayed {
		d.Metrics.OrderPlaced(ctx, state.TotalCents)
	}
	d.Logger.InfoContext(ctx, "Order placed",
		"order_id", state.ID,
		"items", len(state.Items),
		"total_cents", state.TotalCents,
		"replayed", result.Replayed,
	)
	return result, nil
}

func (d Dependencies) place(ctx context.Context, command PlaceOrder) (PlaceOrderResult, error) {
	now := d.Clock()
	draft, event, err := order.Place(order.NewID(now), command.Draft, now)
	if err != nil {
		return PlaceOrderResult{}, fmt.Errorf("place order: %w", err)
	}
	placement := order.Placement{Order: draft, Event: event}
	if command.IdempotencyKey != "" {
		placement.Key = &order.IdempotencyKey{
			Key:         command.IdempotencyKey,
			Fingerprint: fingerprint(command.Draft),
			Now:         now,
			ExpiresAt:   now.Add(d.IdempotencyTTL),
		}
	}
	stored, replayed, err := d.Orders.Add(ctx, placement)
	if err != nil {
		return PlaceOrderResult{}, fmt.Errorf("store order: %w", err)
	}
	return PlaceOrderResult{Order: stored, Replayed: replayed}, nil
}

func fingerprint(draft order.Draft) [sha256.Size]byte {
	text := fmt.Appendf(nil, "%q", draft.CustomerID)
	for _, item := range draft.Items {
		text = fmt.Appendf(text, " %q %d %d", item.SKU, item.Quantity, item.UnitPriceCents)
	}
	return sha256.Sum256(text)
}
