package memory

import (
	"context"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type message struct {
	payload []byte
}

type queue struct {
	waiting []message
}

func newMessage(_ context.Context, event order.Placed) (message, error) {
	payload, err := events.EncodePlaced(event)
	return message{payload: payload}, err
}
