package cloudevents_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/cloudevents"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func codec(tb testing.TB) *cloudevents.Codec {
	tb.Helper()
	made, err := cloudevents.New("/order-hub")
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

func event() order.Placed {
	at := time.Date(2026, time.November, 20, 12, 0, 0, 123456000, time.UTC)
	return order.Placed{EventID: order.NewID(at), OrderID: order.NewID(at), CustomerID: "c-1", TotalCents: 2500, OccurredAt: at}
}

func encoded(tb testing.TB) string {
	tb.Helper()
	value, err := codec(tb).Encode(event(), traceParent)
	if err != nil {
		tb.Fatal(err)
	}
	return string(value)
}

func TestAnEventSurvivesARoundTrip(t *testing.T) {
	t.Parallel()
	for _, trace := range []string{traceParent, ""} {
		sent := event()

		value, errEncode := codec(t).Encode(sent, trace)
		got, caused, errDecode := codec(t).Decode(value)

		if err := errors.Join(errEncode, errDecode); err != nil || got != sent || caused != trace {
			t.Errorf("got %+v, %q, %v; want %+v, %q", got, caused, err, sent, trace)
		}
	}
}

func TestTheEnvelopeIsACloudEvent(t *testing.T) {
	t.Parallel()
	var got map[string]any

	if err := json.Unmarshal([]byte(encoded(t)), &got); err != nil {
		t.Fatal(err)
	}

	data, _ := got["data"].(map[string]any)
	for name, want := range map[string]any{
		"specversion": "1.0", "type": "order.placed.v1", "source": "/order-hub", "subject": data["order_id"],
		"time": "2026-11-20T12:00:00.123456Z", "datacontenttype": "application/json", "traceparent": traceParent,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestAnEventThatBreaksItsSchemaDoesNotLeave(t *testing.T) {
	t.Parallel()
	broken := event()
	broken.TotalCents = -1

	_, err := codec(t).Encode(broken, "")

	if !errors.Is(err, cloudevents.ErrSchema) {
		t.Errorf("got %v, want a broken schema", err)
	}
}

func TestPoisonIsToldByItsKind(t *testing.T) {
	t.Parallel()
	sound := encoded(t)
	tests := map[string]struct {
		value string
		want  error
	}{
		"nothing":               {"", cloudevents.ErrUnreadable},
		"no json":               {strings.Replace(sound, `"specversion"`, `specversion`, 1), cloudevents.ErrUnreadable},
		"two documents":         {sound + sound, cloudevents.ErrUnreadable},
		"a list":                {"[]", cloudevents.ErrVersion},
		"null":                  {"null", cloudevents.ErrVersion},
		"another type":          {strings.Replace(sound, `order.placed.v1"`, `order.placed.v2"`, 1), cloudevents.ErrVersion},
		"another envelope":      {strings.Replace(sound, `"specversion":"1.0"`, `"specversion":"2.0"`, 1), cloudevents.ErrVersion},
		"no id":                 {strings.Replace(sound, `"id":"`, `"no":"`, 1), cloudevents.ErrSchema},
		"an id of nothing":      {strings.Replace(sound, `"id":"0`, `"id":"x`, 1), cloudevents.ErrSchema},
		"less than nothing":     {strings.Replace(sound, `2500`, `-1`, 1), cloudevents.ErrSchema},
		"half a cent":           {strings.Replace(sound, `2500`, `2500.5`, 1), cloudevents.ErrSchema},
		"more than fits":        {strings.Replace(sound, `2500`, `1e30`, 1), cloudevents.ErrSchema},
		"an unknown field":      {strings.Replace(sound, `"data":{`, `"data":{"coupon":"x",`, 1), cloudevents.ErrSchema},
		"a trace of nothing":    {strings.Replace(sound, traceParent, "00-zz", 1), cloudevents.ErrSchema},
		"a day that is none":    {strings.Replace(sound, `2026-11-20T`, `2026-11-31T`, 1), cloudevents.ErrSchema},
		"a subject of another":  {strings.Replace(sound, `"subject":"0`, `"subject":"1`, 1), cloudevents.ErrSchema},
		"a whole number, still": {strings.Replace(sound, `2500`, `2500.0`, 1), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, _, err := codec(t).Decode([]byte(test.value))

			if !errors.Is(err, test.want) || err == nil && got.TotalCents != 2500 {
				t.Errorf("got %+v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(encoded(f)))
	f.Add([]byte(`{"specversion":"1.0","type":"order.placed.v1"}`))
	f.Add([]byte(`[]`))
	made := codec(f)
	f.Fuzz(func(t *testing.T, value []byte) {
		got, caused, err := made.Decode(value)
		if err != nil {
			if !errors.Is(err, cloudevents.ErrUnreadable) && !errors.Is(err, cloudevents.ErrVersion) && !errors.Is(err, cloudevents.ErrSchema) {
				t.Errorf("unexpected error %v", err)
			}
			return
		}

		again, err := made.Encode(got, caused)
		if err != nil {
			t.Fatal(err)
		}
		if back, _, err := made.Decode(again); err != nil || back != got {
			t.Errorf("%+v became %+v, %v", got, back, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	made, value := codec(b), []byte(encoded(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := made.Decode(value); err != nil {
			b.Fatal(err)
		}
	}
}
