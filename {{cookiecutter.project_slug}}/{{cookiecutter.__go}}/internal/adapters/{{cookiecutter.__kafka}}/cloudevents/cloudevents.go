// Package cloudevents writes and reads events as CloudEvents 1.0 in structured JSON, held to their schema both ways.
package cloudevents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"{{ cookiecutter.__go_module }}/events"
	rows "{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	ContentType = "application/cloudevents+json; charset=UTF-8"

	specVersion = "1.0"
	dataType    = "application/json"
)

var (
	// ErrUnreadable says that a value is no JSON.
	ErrUnreadable = errors.New("unreadable event")
	// ErrVersion says that a value is an event of another type, or in another version of the envelope.
	ErrVersion = errors.New("unknown version of event")
	// ErrSchema says that a value breaks the schema of its type.
	ErrSchema = errors.New("event breaks its schema")
)

type envelope struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	DataSchema      string `json:"dataschema"`
	TraceParent     string `json:"traceparent,omitempty"`
	Data            placed `json:"data"`
}

type placed struct {
	OrderID    string      `json:"order_id"`
	CustomerID string      `json:"customer_id"`
	TotalCents json.Number `json:"total_cents"`
}

// Codec is safe for use by many goroutines.
type Codec struct {
	source string
	id     string
	schema *jsonschema.Schema
}

// New compiles the schema. Source names who raises the events that are encoded.
func New(source string) (*Codec, error) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(events.OrderPlacedV1))
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	var head struct {
		ID string `json:"$id"`
	}
	if err := json.Unmarshal([]byte(events.OrderPlacedV1), &head); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseLoader(jsonschema.SchemeURLLoader{})
	if err := compiler.AddResource(head.ID, document); err != nil {
		return nil, fmt.Errorf("add schema %s: %w", head.ID, err)
	}
	schema, err := compiler.Compile(head.ID)
	if err != nil {
		return nil, fmt.Errorf("compile schema %s: %w", head.ID, err)
	}
	return &Codec{source: source, id: head.ID, schema: schema}, nil
}

// Encode gives the value of a record. TraceParent, which may be empty, says in which trace the event was raised.
func (c *Codec) Encode(event order.Placed, traceParent string) ([]byte, error) {
	value, err := json.Marshal(envelope{
		SpecVersion:     specVersion,
		ID:              string(event.EventID),
		Source:          c.source,
		Type:            rows.TypePlaced,
		Subject:         string(event.OrderID),
		Time:            event.OccurredAt.UTC().Format(time.RFC3339Nano),
		DataContentType: dataType,
		DataSchema:      c.id,
		TraceParent:     traceParent,
		Data: placed{
			OrderID: string(event.OrderID), CustomerID: event.CustomerID, TotalCents: json.Number(strconv.FormatInt(event.TotalCents, 10)),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", event.EventID, err)
	}
	if _, err := c.check(value); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", event.EventID, err)
	}
	return value, nil
}

// Decode reads the value of a record: the event, and the trace in which it was raised. Its errors are ErrUnreadable,
// ErrVersion and ErrSchema.
func (c *Codec) Decode(value []byte) (order.Placed, string, error) {
	message, err := c.check(value)
	if err != nil {
		return order.Placed{}, "", err
	}
	eventID, errEvent := order.ParseID(message.ID)
	orderID, errOrder := order.ParseID(message.Data.OrderID)
	occurredAt, errTime := time.Parse(time.RFC3339Nano, message.Time)
	total, errTotal := cents(message.Data.TotalCents)
	if err := errors.Join(errEvent, errOrder, errTime, errTotal); err != nil {
		return order.Placed{}, "", fmt.Errorf("%w: %w", ErrSchema, err)
	}
	if message.Subject != message.Data.OrderID {
		return order.Placed{}, "", fmt.Errorf("%w: subject is not order_id", ErrSchema)
	}
	return order.Placed{
		EventID: eventID, OrderID: orderID, CustomerID: message.Data.CustomerID, TotalCents: total, OccurredAt: occurredAt.UTC(),
	}, message.TraceParent, nil
}

func (c *Codec) check(value []byte) (envelope, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return envelope{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	fields, _ := document.(map[string]any)
	if fields["specversion"] != specVersion || fields["type"] != rows.TypePlaced {
		return envelope{}, fmt.Errorf("%w: specversion %v, type %v; want %s, %s",
			ErrVersion, fields["specversion"], fields["type"], specVersion, rows.TypePlaced)
	}
	if err := c.schema.Validate(document); err != nil {
		return envelope{}, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	var message envelope
	if err := json.Unmarshal(value, &message); err != nil {
		return envelope{}, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	return message, nil
}

func cents(number json.Number) (int64, error) {
	if whole, err := number.Int64(); err == nil {
		return whole, nil
	}
	value, err := number.Float64()
	if err != nil || value != float64(int64(value)) {
		return 0, fmt.Errorf("total_cents %s is out of range", number)
	}
	return int64(value), nil
}
