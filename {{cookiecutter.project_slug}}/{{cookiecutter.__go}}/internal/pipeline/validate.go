package pipeline

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

// RulesVersion changes with every change of a rule.
const RulesVersion = "orders-2"

const (
	maxTokenLength = 64
	firstYear      = 2000
	lastYear       = 2099

	ruleNotEmpty   = "not_empty"
	ruleSchema     = "schema"
	ruleNotNull    = "not_null"
	ruleFormat     = "format"
	ruleRange      = "range"
	ruleReference  = "reference"
	ruleConflict   = "conflict"
	ruleOverflow   = "overflow"
	ruleDuplicate  = "duplicate"
	ruleFreeItem   = "free_item"
	itemFieldFault = "items[%d].%s %s"
)

type rule struct {
	name     string
	severity Severity
	broken   func(row row) string
}

type row struct {
	record    Record
	at        time.Time
	dated     bool
	catalogue Catalogue
}

func ruleTable() []rule {
	return []rule{
		{ruleNotEmpty, Critical, nil},
		{ruleSchema, Critical, nil},
		{ruleNotNull, Critical, missing},
		{ruleFormat, Critical, malformed},
		{ruleRange, Critical, outOfRange},
		{ruleReference, Critical, unknown},
		{ruleConflict, Critical, nil},
		{ruleOverflow, Critical, nil},
		{ruleDuplicate, Warning, nil},
		{ruleFreeItem, Warning, free},
	}
}

type validator struct {
	parser    Parser
	rules     []rule
	quality   *quality
	catalogue Catalogue
}

func newValidator(catalogue Catalogue) *validator {
	ofRows := slices.DeleteFunc(ruleTable(), func(one rule) bool { return one.broken == nil })
	return &validator{rules: ofRows, quality: newQuality(), catalogue: catalogue}
}

func (v *validator) judge(read line) (sale, bool) {
	if read.tooLong {
		v.quality.note(ruleSchema, read.number, fmt.Sprintf("the line has more than %d bytes", MaxLineBytes))
		return sale{}, false
	}
	record, err := v.parser.Parse(read.content)
	if err != nil {
		v.quality.note(ruleSchema, read.number, "the line "+err.Error())
		return sale{}, false
	}
	judged := row{record: record, catalogue: v.catalogue}
	judged.at, judged.dated = parseTime(record.PlacedAt.Value)
	accepted := true
	for _, one := range v.rules {
		if fault := one.broken(judged); fault != "" {
			v.quality.note(one.name, read.number, fault)
			accepted = accepted && one.severity != Critical
		}
	}
	if !accepted {
		return sale{}, false
	}
	return newSale(read.number, judged.at, record), true
}

func missing(row row) string {
	switch {
	case !row.record.OrderID.Given:
		return "order_id is missing"
	case !row.record.CustomerID.Given:
		return "customer_id is missing"
	case !row.record.PlacedAt.Given:
		return "placed_at is missing"
	case len(row.record.Items) == 0:
		return "items is missing or empty"
	}
	for i, item := range row.record.Items {
		switch {
		case !item.SKU.Given:
			return fmt.Sprintf(itemFieldFault, i, "sku", "is missing")
		case !item.Quantity.Given:
			return fmt.Sprintf(itemFieldFault, i, "quantity", "is missing")
		case !item.UnitPriceCents.Given:
			return fmt.Sprintf(itemFieldFault, i, "unit_price_cents", "is missing")
		}
	}
	return ""
}

func malformed(row row) string {
	const wanted = "wants 1 to 64 letters, digits, '.', '_' or '-'"
	switch {
	case !isToken(row.record.OrderID):
		return "order_id " + wanted
	case !isToken(row.record.CustomerID):
		return "customer_id " + wanted
	case row.record.PlacedAt.Given && !row.dated:
		return "placed_at wants an RFC 3339 time with an offset"
	}
	for i, item := range row.record.Items {
		if !isToken(item.SKU) {
			return fmt.Sprintf(itemFieldFault, i, "sku", wanted)
		}
	}
	return ""
}

func parseTime(text []byte) (time.Time, bool) {
	const hour, seconds = len("2006-01-02T15"), len("2006-01-02T15:04:05")
	var at time.Time
	if at.UnmarshalText(text) != nil || text[hour] != ':' || text[seconds] == ',' {
		return time.Time{}, false
	}
	if text[len(text)-1] == 'Z' {
		return at, true
	}
	offset := text[len(text)-len("15:04"):]
	return at, string(offset[:2]) < "24" && string(offset[3:]) < "60"
}

func isToken(text Text) bool {
	if !text.Given {
		return true
	}
	if len(text.Value) == 0 || len(text.Value) > maxTokenLength {
		return false
	}
	return !slices.ContainsFunc(text.Value, func(c byte) bool {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		return !letter && !digit && c != '.' && c != '_' && c != '-'
	})
}

func outOfRange(row row) string {
	if year := row.at.UTC().Year(); row.dated && (year < firstYear || year > lastYear) {
		return fmt.Sprintf("placed_at is in %d, want %d to %d", year, firstYear, lastYear)
	}
	for i, item := range row.record.Items {
		switch {
		case item.Quantity.Given && (item.Quantity.Value < 1 || item.Quantity.Value > order.MaxQuantity):
			return fmt.Sprintf(itemFieldFault, i, "quantity", fmt.Sprintf("is %d, want 1 to %d", item.Quantity.Value, order.MaxQuantity))
		case item.UnitPriceCents.Value < 0 || item.UnitPriceCents.Value > order.MaxUnitPriceCents:
			return fmt.Sprintf(itemFieldFault, i, "unit_price_cents",
				fmt.Sprintf("is %d, want 0 to %d", item.UnitPriceCents.Value, order.MaxUnitPriceCents))
		case repeats(row.record.Items[:i], item.SKU):
			return fmt.Sprintf(itemFieldFault, i, "sku", "comes twice in the order")
		}
	}
	return ""
}

func repeats(before []Item, sku Text) bool {
	for _, item := range before {
		if sku.Given && item.SKU.Given && bytes.Equal(item.SKU.Value, sku.Value) {
			return true
		}
	}
	return false
}

func unknown(row row) string {
	for i, item := range row.record.Items {
		if item.SKU.Given && !row.catalogue.has(item.SKU.Value) {
			return fmt.Sprintf(itemFieldFault, i, "sku", "is not in the catalogue")
		}
	}
	return ""
}

func free(row row) string {
	for i, item := range row.record.Items {
		if item.UnitPriceCents.Given && item.UnitPriceCents.Value == 0 {
			return fmt.Sprintf(itemFieldFault, i, "unit_price_cents", "is 0")
		}
	}
	return ""
}
