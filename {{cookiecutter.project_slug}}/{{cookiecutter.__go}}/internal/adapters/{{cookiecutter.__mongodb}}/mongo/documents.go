package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	ordersCollection    = "orders"
	keysCollection      = "idempotency_keys"
	outboxCollection    = "outbox"
	processedCollection = "processed_events"
	summariesCollection = "daily_summaries"
)

type itemDocument struct {
	SKU            string `bson:"sku"`
	Quantity       int64  `bson:"quantity"`
	UnitPriceCents int64  `bson:"unit_price_cents"`
}

type orderDocument struct {
	ID              string         `bson:"_id"`
	CustomerID      string         `bson:"customer_id"`
	Status          string         `bson:"status"`
	Items           []itemDocument `bson:"items"`
	TotalCents      int64          `bson:"total_cents"`
	CreatedAt       time.Time      `bson:"created_at"`
	CreatedAtMicros int32          `bson:"created_at_micros"`
}

type keyDocument struct {
	Fingerprint []byte    `bson:"fingerprint"`
	OrderID     string    `bson:"order_id"`
	ExpiresAt   time.Time `bson:"expires_at"`
}

type markDocument struct {
	ID          string    `bson:"_id"`
	ProcessedAt time.Time `bson:"processed_at"`
}

type summaryDocument struct {
	Orders       int64 `bson:"orders"`
	RevenueCents int64 `bson:"revenue_cents"`
}

type placementDocuments struct {
	order orderDocument
	event eventDocument
	key   *order.IdempotencyKey
}

func documentsOf(ctx context.Context, placement order.Placement) (placementDocuments, error) {
	event, err := eventOf(ctx, placement.Event)
	if err != nil {
		return placementDocuments{}, fmt.Errorf("fill outbox: %w", err)
	}
	return placementDocuments{order: documentOf(placement.Order), event: event, key: placement.Key}, nil
}

func documentOf(placed order.Order) orderDocument {
	state := placed.Snapshot()
	items := make([]itemDocument, 0, len(state.Items))
	for _, item := range state.Items {
		items = append(items, itemDocument(item))
	}
	whole := state.CreatedAt.Truncate(time.Millisecond)
	return orderDocument{
		ID:              string(state.ID),
		CustomerID:      state.CustomerID,
		Status:          string(state.Status),
		Items:           items,
		TotalCents:      state.TotalCents,
		CreatedAt:       whole,
		CreatedAtMicros: int32(state.CreatedAt.Sub(whole).Microseconds()), //nolint:gosec // below 1000
	}
}

func (d orderDocument) toDomain() (order.Order, error) {
	state := order.Snapshot{
		ID:         order.ID(d.ID),
		CustomerID: d.CustomerID,
		Status:     order.Status(d.Status),
		Items:      make([]order.Item, 0, len(d.Items)),
		TotalCents: d.TotalCents,
		CreatedAt:  d.CreatedAt.Add(time.Duration(d.CreatedAtMicros) * time.Microsecond),
	}
	for _, item := range d.Items {
		state.Items = append(state.Items, order.Item(item))
	}
	restored, err := order.Restore(state)
	if err != nil {
		return order.Order{}, fmt.Errorf("read order: %w", err)
	}
	return restored, nil
}

func field(name string, value any) bson.D {
	return bson.D{bson.E{Key: name, Value: value}}
}

func byID(id any) bson.D {
	return field("_id", id)
}

func anyOf[T any](values []T) bson.D {
	return field("$in", values)
}
