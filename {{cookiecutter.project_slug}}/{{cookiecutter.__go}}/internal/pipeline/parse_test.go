package pipeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/pipeline"
)

type plainItem struct {
	SKU            *string `json:"sku"`
	Quantity       *int64  `json:"quantity"`
	UnitPriceCents *int64  `json:"unit_price_cents"`
}

type plainRecord struct {
	OrderID    *string     `json:"order_id"`
	CustomerID *string     `json:"customer_id"`
	PlacedAt   *string     `json:"placed_at"`
	Items      []plainItem `json:"items"`
}

func plainText(text pipeline.Text) *string {
	if !text.Given {
		return nil
	}
	value := string(text.Value)
	return &value
}

func plainNumber(number pipeline.Number) *int64 {
	if !number.Given {
		return nil
	}
	return &number.Value
}

func plain(record pipeline.Record) plainRecord {
	made := plainRecord{OrderID: plainText(record.OrderID), CustomerID: plainText(record.CustomerID), PlacedAt: plainText(record.PlacedAt)}
	for _, item := range record.Items {
		made.Items = append(made.Items, plainItem{plainText(item.SKU), plainNumber(item.Quantity), plainNumber(item.UnitPriceCents)})
	}
	return made
}

func encoded(t *testing.T, record plainRecord) string {
	t.Helper()
	if len(record.Items) == 0 {
		record.Items = nil
	}
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func FuzzParser(f *testing.F) {
	f.Add([]byte(`{"order_id":"A","customer_id":"c","placed_at":"2026-11-18T08:15:00Z",` + items + `}`))
	f.Add([]byte(`{"order_id":"\u0041\"\\","items":[{},{"sku":null,"quantity":-0}]}`))
	f.Add([]byte(`{"order_id":nullnull}`))
	f.Add([]byte(" {\t} \n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var parser pipeline.Parser

		record, err := parser.Parse(line)
		if err != nil {
			return
		}

		var want plainRecord
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("encoding/json refuses what was accepted: %v", err)
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			t.Fatalf("more follows: %v", err)
		}
		if got := encoded(t, plain(record)); got != encoded(t, want) {
			t.Errorf("got %s, want %s", got, encoded(t, want))
		}
	})
}

func TestAParserForgetsTheLineBefore(t *testing.T) {
	t.Parallel()
	var parser pipeline.Parser
	_, errFirst := parser.Parse([]byte(`{"order_id":"A",` + items + `}`))

	record, errSecond := parser.Parse([]byte(`{}`))

	if errFirst != nil || errSecond != nil || record.OrderID.Given || len(record.Items) != 0 {
		t.Errorf("got %+v, %v, %v", record, errFirst, errSecond)
	}
}

func BenchmarkParser(b *testing.B) {
	line := []byte(`{"order_id":"A-1","customer_id":"c-1","placed_at":"2026-11-18T08:15:00Z",` + items + `}`)
	var parser pipeline.Parser
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := parser.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
