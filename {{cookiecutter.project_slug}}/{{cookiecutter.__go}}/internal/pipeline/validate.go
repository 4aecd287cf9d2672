package pipeline

import (
	"fmt"
	"time"
)

type Severity string

const (
	Critical Severity = "critical"
	Warning  Severity = "warning"

	maxQuantity       = 10_000
	maxUnitPriceCents = 100_000_000
	maxItems          = 100
	rowsNamed         = 20
)

type Violation struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Count    int      `json:"count"`
	Rows     []int    `json:"rows"`
	Example  string   `json:"example"`
}

type Quality struct {
	Rows       int         `json:"rows"`
	Violations []Violation `json:"violations"`
}

type rule struct {
	name     string
	severity Severity
	broken   func(row Row, seen *seen) string
}

type seen struct {
	orders map[string]int
	last   time.Time
}

func rules() []rule {
	return []rule{
		{"schema", Critical, func(row Row, _ *seen) string { return row.Malformed }},
		{"not_null", Critical, missing},
		{"timestamp", Critical, unreadableTime},
		{"range", Critical, outOfRange},
		{"unique_order", Critical, repeated},
		{"in_order", Warning, outOfOrder},
		{"free_item", Warning, free},
	}
}

// Validate judges every row by every rule. A row that breaks the schema is not judged further.
func Validate(batch Batch) Quality {
	checks := rules()
	found := make([]Violation, len(checks))
	known := &seen{orders: map[string]int{}}
	for _, row := range batch.Rows {
		for i, check := range checks {
			fault := check.broken(row, known)
			if fault == "" {
				continue
			}
			found[i].note(check, row.Number, fault)
			if row.Malformed != "" {
				break
			}
		}
	}
	quality := Quality{Rows: len(batch.Rows), Violations: []Violation{}}
	for _, one := range found {
		if one.Count > 0 {
			quality.Violations = append(quality.Violations, one)
		}
	}
	return quality
}

func (v *Violation) note(check rule, row int, fault string) {
	if v.Count == 0 {
		v.Rule, v.Severity, v.Example = check.name, check.severity, fault
	}
	v.Count++
	if len(v.Rows) < rowsNamed {
		v.Rows = append(v.Rows, row)
	}
}

func (q Quality) critical() []Violation {
	var found []Violation
	for _, one := range q.Violations {
		if one.Severity == Critical {
			found = append(found, one)
		}
	}
	return found
}

func missing(row Row, _ *seen) string {
	switch {
	case row.Record.OrderID == "":
		return "order_id is missing"
	case row.Record.CustomerID == "":
		return "customer_id is missing"
	case len(row.Record.Items) == 0:
		return "items is empty"
	default:
		return ""
	}
}

func unreadableTime(row Row, _ *seen) string {
	if _, err := time.Parse(time.RFC3339, row.Record.PlacedAt); err != nil {
		return fmt.Sprintf("placed_at %q is no RFC 3339 time", row.Record.PlacedAt)
	}
	return ""
}

func outOfRange(row Row, _ *seen) string {
	if len(row.Record.Items) > maxItems {
		return fmt.Sprintf("%d items, want at most %d", len(row.Record.Items), maxItems)
	}
	for _, item := range row.Record.Items {
		if item.SKU == "" || item.Quantity < 1 || item.Quantity > maxQuantity {
			return fmt.Sprintf("item %q has quantity %d, want 1 to %d", item.SKU, item.Quantity, maxQuantity)
		}
		if item.UnitPriceCents < 0 || item.UnitPriceCents > maxUnitPriceCents {
			return fmt.Sprintf("item %q has unit_price_cents %d, want 0 to %d", item.SKU, item.UnitPriceCents, maxUnitPriceCents)
		}
	}
	return ""
}

func repeated(row Row, known *seen) string {
	if row.Record.OrderID == "" {
		return ""
	}
	if first, found := known.orders[row.Record.OrderID]; found {
		return fmt.Sprintf("order_id %q repeats row %d", row.Record.OrderID, first)
	}
	known.orders[row.Record.OrderID] = row.Number
	return ""
}

func outOfOrder(row Row, known *seen) string {
	at, err := time.Parse(time.RFC3339, row.Record.PlacedAt)
	if err != nil {
		return ""
	}
	if at.Before(known.last) {
		return "placed_at is before that of an earlier row"
	}
	known.last = at
	return ""
}

func free(row Row, _ *seen) string {
	for _, item := range row.Record.Items {
		if item.UnitPriceCents == 0 {
			return fmt.Sprintf("item %q costs nothing", item.SKU)
		}
	}
	return ""
}
