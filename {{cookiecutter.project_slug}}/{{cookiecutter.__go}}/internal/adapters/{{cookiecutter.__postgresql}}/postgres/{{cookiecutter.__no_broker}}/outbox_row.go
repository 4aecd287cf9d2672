package postgres

import (
	"context"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	addEvent      = `INSERT INTO outbox (event_id, payload) VALUES ($7, $8)`
	addKeyedEvent = `INSERT INTO outbox (event_id, payload) SELECT $11::uuid, $12::jsonb FROM claimed`
)

func eventColumns(_ context.Context, event order.Placed) ([]any, error) {
	payload, err := events.EncodePlaced(event)
	return []any{string(event.EventID), payload}, err
}
