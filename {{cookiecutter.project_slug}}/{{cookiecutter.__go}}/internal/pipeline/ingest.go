package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	MaxLineBytes = 1 << 20
	MaxRows      = 1_000_000
)

type Item struct {
	SKU            string `json:"sku"`
	Quantity       int64  `json:"quantity"`
	UnitPriceCents int64  `json:"unit_price_cents"`
}

type Record struct {
	OrderID    string `json:"order_id"`
	CustomerID string `json:"customer_id"`
	PlacedAt   string `json:"placed_at"`
	Items      []Item `json:"items"`
}

type Row struct {
	Number    int
	Record    Record
	Malformed string
}

type Batch struct {
	Raw    []byte
	SHA256 string
	Rows   []Row
}

// Ingest reads one JSON object a line. A line that cannot be read becomes a row with its fault, for the rules to judge.
func Ingest(ctx context.Context, source io.Reader) (Batch, error) {
	var raw bytes.Buffer
	var rows []Row
	scanner := bufio.NewScanner(io.TeeReader(source, &raw))
	scanner.Buffer(make([]byte, 0, bufio.MaxScanTokenSize), MaxLineBytes)
	for number := 1; scanner.Scan(); number++ {
		if err := ctx.Err(); err != nil {
			return Batch{}, fmt.Errorf("ingest: %w", err)
		}
		line := bytes.TrimSpace(scanner.Bytes())
		if len(line) == 0 {
			continue
		}
		if len(rows) == MaxRows {
			return Batch{}, fmt.Errorf("ingest: more than %d rows, split the input", MaxRows)
		}
		rows = append(rows, parseRow(number, line))
	}
	if err := scanner.Err(); err != nil {
		return Batch{}, fmt.Errorf("ingest: after row %d: %w", len(rows), err)
	}
	sum := sha256.Sum256(raw.Bytes())
	return Batch{Raw: raw.Bytes(), SHA256: hex.EncodeToString(sum[:]), Rows: rows}, nil
}

func parseRow(number int, line []byte) Row {
	row := Row{Number: number}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&row.Record); err != nil {
		row.Malformed = err.Error()
		return row
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		row.Malformed = "more than one value on the line"
	}
	return row
}
