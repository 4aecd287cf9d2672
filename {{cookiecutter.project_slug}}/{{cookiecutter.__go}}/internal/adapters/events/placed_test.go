package events_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

func event() order.Placed {
	at := time.Date(2026, time.November, 20, 12, 0, 0, 123456000, time.UTC)
	return order.Placed{EventID: order.NewID(at), OrderID: order.NewID(at), CustomerID: "c-1", TotalCents: 2500, OccurredAt: at}
}

func TestPlacedSurvivesARoundTrip(t *testing.T) {
	t.Parallel()
	sent := event()

	text, errEncode := events.EncodePlaced(sent)
	got, errDecode := events.DecodePlaced(text)

	if err := errors.Join(errEncode, errDecode); err != nil || got != sent {
		t.Errorf("got %+v, %v; want %+v", got, err, sent)
	}
}

func TestPlacedHasTheFieldsOfItsSchema(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../../api/schemas/order-placed.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Required   []string       `json:"required"`
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	text, err := events.EncodePlaced(event())
	if err != nil {
		t.Fatal(err)
	}

	var message map[string]any
	if err := json.Unmarshal(text, &message); err != nil {
		t.Fatal(err)
	}

	for name := range message {
		if _, known := schema.Properties[name]; !known || !slices.Contains(schema.Required, name) {
			t.Errorf("%s is not in the schema", name)
		}
	}
	if len(message) != len(schema.Properties) {
		t.Errorf("%d fields, the schema has %d", len(message), len(schema.Properties))
	}
}

func FuzzDecodePlaced(f *testing.F) {
	seed, err := events.EncodePlaced(event())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"event_type":"order.placed.v1"}`))
	f.Add([]byte(`{"event_type":"order.placed.v2"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := events.DecodePlaced(text)
		if err != nil {
			if !errors.Is(err, events.ErrUnreadable) {
				t.Errorf("unexpected error %v", err)
			}
			return
		}

		again, err := events.EncodePlaced(got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := events.DecodePlaced(again); err != nil || back != got {
			t.Errorf("%+v became %+v, %v", got, back, err)
		}
	})
}
