package postgres

import (
	"context"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	addEvent      = `INSERT INTO outbox (event_id, payload, traceparent) VALUES ($7, $8, $9)`
	addKeyedEvent = `INSERT INTO outbox (event_id, payload, traceparent) SELECT $11::uuid, $12::jsonb, $13::text FROM claimed`
)

func eventColumns(ctx context.Context, event order.Placed) ([]any, error) {
	payload, err := events.EncodePlaced(event)
	return []any{string(event.EventID), payload, outbox.TraceParent(ctx)}, err
}
