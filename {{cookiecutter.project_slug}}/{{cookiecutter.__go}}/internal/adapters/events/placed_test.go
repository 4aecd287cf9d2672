package events_test

import (
	"errors"
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

func TestARowOfTheOutboxKeepsItsFormat(t *testing.T) {
	t.Parallel()
	sent := event()
	sent.EventID, sent.OrderID = "019b8d62-7a80-7000-8000-000000000001", "019b8d62-7a80-7000-8000-000000000002"

	text, err := events.EncodePlaced(sent)

	want := `{"event_id":"019b8d62-7a80-7000-8000-000000000001","event_type":"order.placed.v1","occurred_at":"2026-11-20T12:00:00.123456Z",` +
		`"order_id":"019b8d62-7a80-7000-8000-000000000002","customer_id":"c-1","total_cents":2500}`
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v; want %s, which the version before can read", text, err, want)
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
