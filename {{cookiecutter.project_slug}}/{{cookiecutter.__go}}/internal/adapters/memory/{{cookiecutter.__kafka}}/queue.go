package memory

import (
	"context"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type message struct {
	id          string
	traceParent string
	payload     []byte
	addedAt     time.Time
}

type queue struct {
	waiting []message
	lease   outbox.Lease
	endsAt  time.Time
}

func newMessage(ctx context.Context, event order.Placed) (message, error) {
	payload, err := events.EncodePlaced(event)
	return message{id: string(event.EventID), traceParent: outbox.TraceParent(ctx), payload: payload, addedAt: time.Now()}, err
}
