package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const TypePlaced = "order.placed.v1"

var ErrUnreadable = errors.New("unreadable event")

type placedMessage struct {
	EventID    string `json:"event_id"`
	EventType  string `json:"event_type"`
	OccurredAt string `json:"occurred_at"`
	OrderID    string `json:"order_id"`
	CustomerID string `json:"customer_id"`
	TotalCents *int64 `json:"total_cents"`
}

func EncodePlaced(event order.Placed) ([]byte, error) {
	text, err := json.Marshal(placedMessage{
		EventID:    string(event.EventID),
		EventType:  TypePlaced,
		OccurredAt: event.OccurredAt.UTC().Format(time.RFC3339Nano),
		OrderID:    string(event.OrderID),
		CustomerID: event.CustomerID,
		TotalCents: &event.TotalCents,
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", event.EventID, err)
	}
	return text, nil
}

func DecodePlaced(text []byte) (order.Placed, error) {
	var message placedMessage
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&message); err != nil {
		return order.Placed{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if message.EventType != TypePlaced {
		return order.Placed{}, fmt.Errorf("%w: event_type is %q, want %q", ErrUnreadable, message.EventType, TypePlaced)
	}
	eventID, errEvent := order.ParseID(message.EventID)
	orderID, errOrder := order.ParseID(message.OrderID)
	occurredAt, errTime := time.Parse(time.RFC3339Nano, message.OccurredAt)
	if err := errors.Join(errEvent, errOrder, errTime); err != nil {
		return order.Placed{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if message.CustomerID == "" || message.TotalCents == nil || *message.TotalCents < 0 {
		return order.Placed{}, fmt.Errorf("%w: customer_id or total_cents is missing", ErrUnreadable)
	}
	return order.Placed{
		EventID:    eventID,
		OrderID:    orderID,
		CustomerID: message.CustomerID,
		TotalCents: *message.TotalCents,
		OccurredAt: occurredAt.UTC(),
	}, nil
}
