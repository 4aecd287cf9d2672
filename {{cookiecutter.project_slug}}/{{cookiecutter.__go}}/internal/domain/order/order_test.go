package order_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

func noon() time.Time {
	return time.Date(2026, time.November, 20, 12, 0, 0, 123456789, time.UTC)
}

func keel() order.Item {
	return order.Item{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250}
}

func TestPlaceSumsItsItems(t *testing.T) {
	t.Parallel()
	draft := order.Draft{CustomerID: "c-1", Items: []order.Item{keel(), {SKU: "SAIL-3", Quantity: 1, UnitPriceCents: 100}}}

	placed, event, err := order.Place(order.NewID(noon()), draft, noon())

	if err != nil {
		t.Fatalf("place: %v", err)
	}
	state := placed.Snapshot()
	if state.TotalCents != 2600 || state.Status != order.StatusPlaced || !state.CreatedAt.Equal(noon().Truncate(time.Microsecond)) {
		t.Errorf("unexpected order %+v", state)
	}
	if event.OrderID != placed.ID() || event.TotalCents != 2600 || event.Day() != "2026-11-20" {
		t.Errorf("unexpected event %+v", event)
	}
}

func TestPlaceNamesEveryBrokenRule(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		draft order.Draft
		want  []string
	}{
		"nothing given": {order.Draft{}, []string{"customer_id", "items"}},
		"strange customer": {
			order.Draft{CustomerID: "c 1", Items: []order.Item{keel()}},
			[]string{"customer_id"},
		},
		"customer too long": {
			order.Draft{CustomerID: strings.Repeat("c", 65), Items: []order.Item{keel()}},
			[]string{"customer_id"},
		},
		"too many items": {
			order.Draft{CustomerID: "c-1", Items: make([]order.Item, order.MaxItems+1)},
			[]string{"items"},
		},
		"item out of range": {
			order.Draft{CustomerID: "c-1", Items: []order.Item{
				{SKU: "", Quantity: 0, UnitPriceCents: -1},
			}},
			[]string{"items[0].sku", "items[0].quantity", "items[0].unit_price_cents"},
		},
		"above the most": {
			order.Draft{CustomerID: "c-1", Items: []order.Item{
				{SKU: "A", Quantity: order.MaxQuantity + 1, UnitPriceCents: order.MaxUnitPriceCents + 1},
			}},
			[]string{"items[0].quantity", "items[0].unit_price_cents"},
		},
		"sku repeated": {
			order.Draft{CustomerID: "c-1", Items: []order.Item{keel(), keel()}},
			[]string{"items[1].sku"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, _, err := order.Place(order.NewID(noon()), test.draft, noon())

			invalid, ok := errors.AsType[*order.ValidationError](err)
			if !ok {
				t.Fatalf("got %v, want a validation error", err)
			}
			var fields []string
			for _, violation := range invalid.Violations {
				fields = append(fields, violation.Field)
				if !strings.Contains(err.Error(), violation.Detail) {
					t.Errorf("%q does not tell %q", err, violation.Detail)
				}
			}
			if !slices.Equal(fields, test.want) {
				t.Errorf("got %v, want %v", fields, test.want)
			}
		})
	}
}

func TestSnapshotDoesNotShareItems(t *testing.T) {
	t.Parallel()
	draft := order.Draft{CustomerID: "c-1", Items: []order.Item{keel()}}
	placed, _, err := order.Place(order.NewID(noon()), draft, noon())
	if err != nil {
		t.Fatalf("place: %v", err)
	}

	draft.Items[0].Quantity = 99
	placed.Snapshot().Items[0].Quantity = 98

	if got := placed.Snapshot().Items[0].Quantity; got != 2 {
		t.Errorf("quantity became %d", got)
	}
}

func TestRestoreRefusesContradictions(t *testing.T) {
	t.Parallel()
	sound := order.Snapshot{
		ID: order.NewID(noon()), CustomerID: "c-1", Status: order.StatusPlaced,
		Items: []order.Item{keel()}, TotalCents: 2500, CreatedAt: noon(),
	}
	tests := map[string]func(*order.Snapshot){
		"total":  func(s *order.Snapshot) { s.TotalCents++ },
		"status": func(s *order.Snapshot) { s.Status = "lost" },
		"items":  func(s *order.Snapshot) { s.Items = nil },
	}

	restored, err := order.Restore(sound)

	if err != nil || restored.ID() != sound.ID {
		t.Fatalf("sound order refused: %v", err)
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := sound
			spoil(&broken)

			_, err := order.Restore(broken)

			if err == nil {
				t.Error("restored a contradiction")
			}
		})
	}
}

func TestNewIDsSortByTime(t *testing.T) {
	t.Parallel()
	var ids []order.ID

	for step := range 100 {
		ids = append(ids, order.NewID(noon().Add(time.Duration(step)*time.Millisecond)))
	}

	if !slices.IsSorted(ids) {
		t.Error("later ids sort before earlier ones")
	}
	for _, id := range ids {
		if _, err := order.ParseID(string(id)); err != nil {
			t.Errorf("own id refused: %v", err)
		}
	}
}

func TestParsePage(t *testing.T) {
	t.Parallel()
	after := order.NewID(noon())
	tests := map[string]struct {
		limit, cursor string
		want          order.Page
		err           error
	}{
		"defaults":         {"", "", order.Page{Limit: order.DefaultLimit}, nil},
		"most":             {"100", "", order.Page{Limit: 100}, nil},
		"cursor":           {"1", order.Cursor(after), order.Page{Limit: 1, After: after}, nil},
		"zero":             {"0", "", order.Page{}, order.ErrInvalidLimit},
		"too many":         {"101", "", order.Page{}, order.ErrInvalidLimit},
		"no number":        {strings.Repeat("x", 50), "", order.Page{}, order.ErrInvalidLimit},
		"huge":             {"99999999999999999999", "", order.Page{}, order.ErrInvalidLimit},
		"not base64":       {"", "***", order.Page{}, order.ErrInvalidCursor},
		"unknown version":  {"", "Mjph", order.Page{}, order.ErrInvalidCursor},
		"version, no id":   {"", "MTphYmM", order.Page{}, order.ErrInvalidCursor},
		"an order id only": {"", string(after), order.Page{}, order.ErrInvalidCursor},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			page, err := order.ParsePage(test.limit, test.cursor)

			if !errors.Is(err, test.err) || page != test.want {
				t.Errorf("got %+v, %v; want %+v, %v", page, err, test.want, test.err)
			}
		})
	}
}

func TestParseDay(t *testing.T) {
	t.Parallel()
	for text, valid := range map[string]bool{"2026-11-20": true, "2028-02-29": true, "2026-02-29": false, "": false, "2026-1-2": false} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()

			day, err := order.ParseDay(text)

			if valid != (err == nil) || valid && string(day) != text {
				t.Errorf("got %q, %v", day, err)
			}
		})
	}
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"", "019ff000-0000-7000-8000-000000000000", "019FF000-0000-7000-8000-000000000000", strings.Repeat("-", 36)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := order.ParseID(text)

		if err == nil && string(id) != text {
			t.Errorf("%q became %q", text, id)
		}
		if err != nil && !errors.Is(err, order.ErrInvalidID) {
			t.Errorf("unexpected error %v", err)
		}
	})
}

func FuzzParsePage(f *testing.F) {
	f.Add("20", "")
	f.Add("-1", order.Cursor(order.NewID(noon())))
	f.Add("1e3", "AAAA")
	f.Fuzz(func(t *testing.T, limit, cursor string) {
		page, err := order.ParsePage(limit, cursor)
		if err != nil {
			return
		}

		if page.Limit < 1 || page.Limit > order.MaxLimit {
			t.Errorf("limit %d is out of bounds", page.Limit)
		}
		if page.After != "" {
			if again, err := order.ParsePage(limit, order.Cursor(page.After)); err != nil || again != page {
				t.Errorf("cursor does not survive a round trip: %v", err)
			}
		}
	})
}

func FuzzParseDay(f *testing.F) {
	f.Add("2026-11-20")
	f.Add("0000-00-00")
	f.Fuzz(func(t *testing.T, text string) {
		day, err := order.ParseDay(text)

		if err == nil && string(day) != text {
			t.Errorf("%q became %q", text, day)
		}
	})
}

func TestTotalIsTheSumWhateverTheOrderOfItems(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var items []order.Item
		var want int64
		for i := range 1 + random.IntN(order.MaxItems) {
			item := order.Item{
				SKU:            "S-" + strings.Repeat("x", i%50) + string(rune('A'+i%26)) + strings.Repeat("y", i/26),
				Quantity:       1 + random.Int64N(order.MaxQuantity),
				UnitPriceCents: random.Int64N(order.MaxUnitPriceCents + 1),
			}
			want += item.Quantity * item.UnitPriceCents
			items = append(items, item)
		}
		random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })

		placed, _, err := order.Place(order.NewID(noon()), order.Draft{CustomerID: "c-1", Items: items}, noon())

		if err != nil || placed.Snapshot().TotalCents != want {
			t.Fatalf("got %d, %v; want %d", placed.Snapshot().TotalCents, err, want)
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	draft := order.Draft{CustomerID: "c-1", Items: []order.Item{keel()}}
	for b.Loop() {
		if _, _, err := order.Place(order.NewID(noon()), draft, noon()); err != nil {
			b.Fatal(err)
		}
	}
}
