package mongo

import (
	"context"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type eventDocument struct {
	ID          string    `bson:"_id"`
	Payload     string    `bson:"payload"`
	Position    int64     `bson:"position"`
	TraceParent string    `bson:"traceparent"`
	CreatedAt   time.Time `bson:"created_at"`
}

func eventOf(ctx context.Context, event order.Placed) (eventDocument, error) {
	payload, err := events.EncodePlaced(event)
	now := time.Now()
	return eventDocument{
		ID: string(event.EventID), Payload: string(payload), Position: now.UnixNano(), CreatedAt: now, TraceParent: outbox.TraceParent(ctx),
	}, err
}
