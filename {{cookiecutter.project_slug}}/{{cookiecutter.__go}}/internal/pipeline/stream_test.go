package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/pipeline"
)

func asLine(id string, draft order.Draft, at time.Time) string {
	entries := make([]string, 0, len(draft.Items))
	for _, item := range draft.Items {
		entries = append(entries, fmt.Sprintf(`{"sku":%q,"quantity":%d,"unit_price_cents":%d}`, item.SKU, item.Quantity, item.UnitPriceCents))
	}
	return fmt.Sprintf(`{"order_id":%q,"customer_id":%q,"placed_at":%q,"items":[%s]}`+"\n",
		id, draft.CustomerID, at.Format(time.RFC3339Nano), strings.Join(entries, ","))
}

func TestBatchAndStreamGiveTheSameSummaries(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(11, 12))
	want := map[string]pipeline.DailySummary{}
	var lines []string
	for i := range 500 {
		at := time.Date(2026, 11, 1, 0, 0, 0, random.IntN(1e9), time.FixedZone("", 3600)).Add(time.Duration(random.IntN(72)) * time.Hour)
		draft := order.Draft{CustomerID: "c-1"}
		for sku := range 1 + random.IntN(3) {
			draft.Items = append(draft.Items, order.Item{SKU: fmt.Sprintf("S-%d", sku), Quantity: 1 + random.Int64N(9), UnitPriceCents: random.Int64N(9)})
		}
		_, event, err := order.Place(order.NewID(at), draft, at)
		if err != nil {
			t.Fatal(err)
		}
		day := want[string(event.Day())]
		want[string(event.Day())] = pipeline.DailySummary{
			Date: string(event.Day()), Orders: day.Orders + 1, RevenueCents: day.RevenueCents + event.TotalCents,
		}
		lines = append(lines, asLine(strconv.Itoa(i), draft, at))
	}

	got := days(t, lines, 1<<20)

	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("batch gives %v, the stream %v", got, want)
	}
}

func TestBatchAndStreamAgreeOnWhatAnOrderIs(t *testing.T) {
	t.Parallel()
	item := func(change func(*order.Item)) []order.Item {
		one := order.Item{SKU: "A", Quantity: 1, UnitPriceCents: 1}
		change(&one)
		return []order.Item{one}
	}
	same := item(func(*order.Item) {})
	many := func(count int) []order.Item {
		made := make([]order.Item, count)
		for i := range made {
			made[i] = order.Item{SKU: fmt.Sprintf("S-%d", i), Quantity: 1}
		}
		return made
	}
	tests := map[string]order.Draft{
		"sound":             {CustomerID: "c-1", Items: same},
		"customer empty":    {Items: same},
		"customer longest":  {CustomerID: strings.Repeat("c", 64), Items: same},
		"customer too long": {CustomerID: strings.Repeat("c", 65), Items: same},
		"customer signs":    {CustomerID: "aZ09._-", Items: same},
		"customer strange":  {CustomerID: "a@b", Items: same},
		"no items":          {CustomerID: "c"},
		"most items":        {CustomerID: "c", Items: many(order.MaxItems)},
		"too many items":    {CustomerID: "c", Items: many(order.MaxItems + 1)},
		"sku empty":         {CustomerID: "c", Items: item(func(i *order.Item) { i.SKU = "" })},
		"sku twice":         {CustomerID: "c", Items: append(same, same...)},
		"quantity least":    {CustomerID: "c", Items: item(func(i *order.Item) { i.Quantity = 0 })},
		"quantity most":     {CustomerID: "c", Items: item(func(i *order.Item) { i.Quantity = order.MaxQuantity })},
		"quantity above":    {CustomerID: "c", Items: item(func(i *order.Item) { i.Quantity = order.MaxQuantity + 1 })},
		"price least":       {CustomerID: "c", Items: item(func(i *order.Item) { i.UnitPriceCents = 0 })},
		"price below":       {CustomerID: "c", Items: item(func(i *order.Item) { i.UnitPriceCents = -1 })},
		"price most":        {CustomerID: "c", Items: item(func(i *order.Item) { i.UnitPriceCents = order.MaxUnitPriceCents })},
		"price above":       {CustomerID: "c", Items: item(func(i *order.Item) { i.UnitPriceCents = order.MaxUnitPriceCents + 1 })},
	}
	for name, draft := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

			_, _, errStream := order.Place(order.NewID(at), draft, at)
			_, errBatch := pipeline.Run(t.Context(), settings(t.TempDir(), asLine("A-1", draft, at)))

			if (errStream == nil) != (errBatch == nil) {
				t.Errorf("stream says %v, batch says %v", errStream, errBatch)
			}
		})
	}
}
