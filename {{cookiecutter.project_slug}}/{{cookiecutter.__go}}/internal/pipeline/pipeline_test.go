package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/pipeline"
)

const good = `{"order_id":"A-1","customer_id":"c-1","placed_at":"2026-11-18T08:15:00Z","items":[{"sku":"KEEL-1","quantity":2,"unit_price_cents":1250}]}
{"order_id":"A-2","customer_id":"c-2","placed_at":"2026-11-19T00:30:00+02:00","items":[{"sku":"SAIL-3","quantity":1,"unit_price_cents":0}]}
`

func read(t *testing.T, parts ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestRunServesTheDays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()

	lineage, err := pipeline.Run(t.Context(), strings.NewReader(good), folder)

	if err != nil || lineage.RowsRead != 2 || lineage.DaysServed != 1 || lineage.Warnings != 1 || lineage.TransformVersion == "" {
		t.Errorf("got %+v, %v", lineage, err)
	}
	if raw := read(t, folder, lineage.RawFile); raw != good {
		t.Errorf("stored %q", raw)
	}
	var served []pipeline.DailySummary
	if err := json.Unmarshal([]byte(read(t, folder, "daily_summaries.json")), &served); err != nil {
		t.Fatal(err)
	}
	if want := (pipeline.DailySummary{Date: "2026-11-18", Orders: 2, RevenueCents: 2500}); len(served) != 1 || served[0] != want {
		t.Errorf("got %v, want %v alone", served, want)
	}
}

func TestSameInputGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()

	_, errFirst := pipeline.Run(t.Context(), strings.NewReader(good), first)
	_, errSecond := pipeline.Run(t.Context(), strings.NewReader(good), second)
	_, errAgain := pipeline.Run(t.Context(), strings.NewReader(good), second)

	if err := errors.Join(errFirst, errSecond, errAgain); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"daily_summaries.json", "lineage.json", "quality.json"} {
		if read(t, first, name) != read(t, second, name) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestCriticalViolationsNameTheirRowsAndServeNothing(t *testing.T) {
	t.Parallel()
	item := `"items":[{"sku":"A","quantity":1,"unit_price_cents":1}]`
	tests := map[string]struct{ line, rule string }{
		"no json":       {`{`, "schema"},
		"unknown field": {`{"extra":1}`, "schema"},
		"two values":    {`{} {}`, "schema"},
		"no order id":   {`{"customer_id":"c","placed_at":"2026-11-18T08:15:00Z",` + item + `}`, "not_null"},
		"no customer":   {`{"order_id":"X","placed_at":"2026-11-18T08:15:00Z",` + item + `}`, "not_null"},
		"no items":      {`{"order_id":"X","customer_id":"c","placed_at":"2026-11-18T08:15:00Z","items":[]}`, "not_null"},
		"no time":       {`{"order_id":"X","customer_id":"c","placed_at":"yesterday",` + item + `}`, "timestamp"},
		"repeated":      {`{"order_id":"A-1","customer_id":"c","placed_at":"2026-11-20T08:15:00Z",` + item + `}`, "unique_order"},
		"quantity": {
			`{"order_id":"X","customer_id":"c","placed_at":"2026-11-20T08:15:00Z","items":[{"sku":"A","quantity":0,"unit_price_cents":1}]}`,
			"range",
		},
		"price": {
			`{"order_id":"X","customer_id":"c","placed_at":"2026-11-20T08:15:00Z","items":[{"sku":"A","quantity":1,"unit_price_cents":-1}]}`,
			"range",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()

			_, err := pipeline.Run(t.Context(), strings.NewReader(good+"\n"+test.line+"\n"), folder)

			if !errors.Is(err, pipeline.ErrCritical) || !strings.Contains(err.Error(), test.rule+" in 1 rows [4]") {
				t.Errorf("got %v, want %s in row 4", err, test.rule)
			}
			if _, err := os.Stat(filepath.Join(folder, "daily_summaries.json")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("served in spite of it: %v", err)
			}
		})
	}
}

func TestRowsOutOfOrderAreAWarning(t *testing.T) {
	t.Parallel()
	lines := strings.SplitAfter(strings.ReplaceAll(good, "2026-11-19T00:30:00+02:00", "2026-11-17T00:30:00Z"), "\n")

	lineage, err := pipeline.Run(t.Context(), strings.NewReader(strings.Join(lines, "")), t.TempDir())

	if err != nil || lineage.Warnings != 2 {
		t.Errorf("got %+v, %v", lineage, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) {
	return 0, io.ErrClosedPipe
}

func TestRunReportsWhatItCannotReadOrWrite(t *testing.T) {
	t.Parallel()
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	_, errRead := pipeline.Run(t.Context(), failing{}, t.TempDir())
	_, errLong := pipeline.Run(t.Context(), strings.NewReader(strings.Repeat("x", pipeline.MaxLineBytes+1)), t.TempDir())
	_, errWrite := pipeline.Run(t.Context(), strings.NewReader(good), occupied)
	_, errCancel := pipeline.Run(cancelled, strings.NewReader(good), t.TempDir())

	if !errors.Is(errRead, io.ErrClosedPipe) || errLong == nil || errWrite == nil || !errors.Is(errCancel, context.Canceled) {
		t.Errorf("got %v, %v, %v, %v", errRead, errLong, errWrite, errCancel)
	}
}

func randomRows(random *rand.Rand) ([]pipeline.Row, int64) {
	var total int64
	rows := make([]pipeline.Row, 0, 50)
	for i := range 1 + random.IntN(50) {
		item := pipeline.Item{SKU: "A", Quantity: 1 + random.Int64N(10), UnitPriceCents: random.Int64N(1000)}
		total += item.Quantity * item.UnitPriceCents
		at := time.Date(2026, 11, 1, 0, 0, random.IntN(10*86400), 0, time.UTC)
		rows = append(rows, pipeline.Row{Number: i + 1, Record: pipeline.Record{
			OrderID: strconv.Itoa(i), CustomerID: "c", PlacedAt: at.Format(time.RFC3339), Items: []pipeline.Item{item},
		}})
	}
	return rows, total
}

func TestTransformLosesNothingAndIgnoresTheOrderOfRows(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		rows, total := randomRows(random)
		want, err := pipeline.Transform(rows)
		if err != nil {
			t.Fatal(err)
		}
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })

		got, err := pipeline.Transform(rows)

		var orders, cents int64
		for _, day := range got {
			orders += day.Orders
			cents += day.RevenueCents
		}
		if err != nil || !slices.Equal(got, want) || orders != int64(len(rows)) || cents != total {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	}
}

func TestTransformRefusesARowWithoutTime(t *testing.T) {
	t.Parallel()

	row := pipeline.Row{Number: 7}

	_, err := pipeline.Transform([]pipeline.Row{row})

	if err == nil || !strings.Contains(err.Error(), "row 7") {
		t.Errorf("got %v, want row 7", err)
	}
}

func TestValidateNamesAtMostTwentyRows(t *testing.T) {
	t.Parallel()
	batch := pipeline.Batch{Rows: make([]pipeline.Row, 30)}

	quality := pipeline.Validate(batch)

	for _, violation := range quality.Violations {
		if violation.Count != 30 || len(violation.Rows) != 20 {
			t.Errorf("got %d rows named of %d", len(violation.Rows), violation.Count)
		}
	}
}

func FuzzIngest(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("{}\n\n[]\n\"\xff\"\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		batch, err := pipeline.Ingest(t.Context(), bytes.NewReader(input))
		if err != nil {
			return
		}

		if !bytes.Equal(batch.Raw, input) {
			t.Error("what was stored is not what came")
		}
		if quality := pipeline.Validate(batch); quality.Rows != len(batch.Rows) {
			t.Errorf("%d rows judged of %d", quality.Rows, len(batch.Rows))
		}
	})
}

func BenchmarkTransform(b *testing.B) {
	rows, _ := randomRows(rand.New(rand.NewPCG(5, 6)))
	for b.Loop() {
		if _, err := pipeline.Transform(rows); err != nil {
			b.Fatal(err)
		}
	}
}
