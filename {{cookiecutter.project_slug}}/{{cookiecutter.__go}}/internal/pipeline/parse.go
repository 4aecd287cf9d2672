package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

// Text and Number tell a member that is missing or null (not Given) from one that is empty or zero.
type Text struct {
	Value []byte
	Given bool
}

type Number struct {
	Value int64
	Given bool
}

type Item struct {
	SKU            Text
	Quantity       Number
	UnitPriceCents Number
}

type Record struct {
	OrderID    Text
	CustomerID Text
	PlacedAt   Text
	Items      []Item
}

var (
	errUTF8     = errors.New("is not valid UTF-8")
	errTrailing = errors.New("holds more than one value")
)

// Parser reads one order from one line of JSON. It is stricter than encoding/json: names match by case, no member may be
// unknown or come twice, and numbers are whole. What it returns shares memory with the line and with the next call.
type Parser struct {
	text  []byte
	at    int
	items []Item
}

func (p *Parser) Parse(line []byte) (Record, error) {
	if !utf8.Valid(line) {
		return Record{}, errUTF8
	}
	p.text, p.at, p.items = line, 0, p.items[:0]
	var record Record
	if err := p.object(recordMember, func(member int) error { return p.recordValue(&record, member) }); err != nil {
		return Record{}, err
	}
	if p.space(); p.at < len(p.text) {
		return Record{}, errTrailing
	}
	record.Items = p.items
	return record, nil
}

func recordMember(name []byte) int {
	switch string(name) {
	case "order_id":
		return 1
	case "customer_id":
		return 2
	case "placed_at":
		return 3
	case "items":
		return 4
	default:
		return 0
	}
}

func (p *Parser) recordValue(record *Record, member int) error {
	switch member {
	case 1:
		return p.string(&record.OrderID)
	case 2:
		return p.string(&record.CustomerID)
	case 3:
		return p.string(&record.PlacedAt)
	default:
		return p.array()
	}
}

func itemMember(name []byte) int {
	switch string(name) {
	case "sku":
		return 1
	case "quantity":
		return 2
	case "unit_price_cents":
		return 3
	default:
		return 0
	}
}

func (p *Parser) itemValue(item *Item, member int) error {
	switch member {
	case 1:
		return p.string(&item.SKU)
	case 2:
		return p.integer(&item.Quantity)
	default:
		return p.integer(&item.UnitPriceCents)
	}
}

func (p *Parser) object(member func(name []byte) int, value func(member int) error) error {
	if !p.take('{') {
		return p.want("an object")
	}
	if p.take('}') {
		return nil
	}
	var seen uint8
	for {
		var name Text
		if err := p.string(&name); err != nil || !name.Given {
			return p.want("the name of a member")
		}
		found := member(name.Value)
		if found == 0 || seen&(1<<found) != 0 {
			return p.want("known members, each once")
		}
		seen |= 1 << found
		if !p.take(':') {
			return p.want("':'")
		}
		if err := value(found); err != nil {
			return err
		}
		if p.take('}') {
			return nil
		}
		if !p.take(',') {
			return p.want("',' or '}'")
		}
	}
}

func (p *Parser) array() error {
	if p.null() {
		return nil
	}
	if !p.take('[') {
		return p.want("an array")
	}
	if p.take(']') {
		return nil
	}
	for {
		if len(p.items) == order.MaxItems {
			return fmt.Errorf("has more than %d items", order.MaxItems)
		}
		var item Item
		if err := p.object(itemMember, func(member int) error { return p.itemValue(&item, member) }); err != nil {
			return err
		}
		p.items = append(p.items, item)
		if p.take(']') {
			return nil
		}
		if !p.take(',') {
			return p.want("',' or ']'")
		}
	}
}

func (p *Parser) string(target *Text) error {
	if p.null() {
		return nil
	}
	if !p.take('"') {
		return p.want("a string")
	}
	start, escaped := p.at, false
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '\\':
			escaped = true
			p.at++
		case c < ' ':
			return p.want("no control character in a string")
		case c == '"':
			p.at++
			return p.unescape(target, start, escaped)
		}
	}
	return p.want("the end of the string")
}

func (p *Parser) unescape(target *Text, start int, escaped bool) error {
	target.Given = true
	if !escaped {
		target.Value = p.text[start : p.at-1]
		return nil
	}
	var text string
	if err := json.Unmarshal(p.text[start-1:p.at], &text); err != nil {
		return p.want("known escapes in the string before")
	}
	target.Value = []byte(text)
	return nil
}

func (p *Parser) integer(target *Number) error {
	if p.null() {
		return nil
	}
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	digits := p.at
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.at++
	}
	if p.at == digits || p.at > digits+1 && p.text[digits] == '0' {
		return p.want("a whole number")
	}
	if c := p.peek(); c == '.' || c|0x20 == 'e' {
		return p.want("a whole number, without fraction or exponent")
	}
	value, err := strconv.ParseInt(string(p.text[start:p.at]), 10, 64)
	if err != nil {
		return p.want("a number of at most 64 bits")
	}
	*target = Number{Value: value, Given: true}
	return nil
}

func (p *Parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *Parser) null() bool {
	p.space()
	if !bytes.HasPrefix(p.text[p.at:], []byte("null")) {
		return false
	}
	p.at += len("null")
	return true
}

func (p *Parser) take(c byte) bool {
	p.space()
	if p.at >= len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *Parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

func (p *Parser) want(what string) error {
	if p.at >= len(p.text) {
		return fmt.Errorf("ends in the middle, want %s", what)
	}
	return fmt.Errorf("has something else at byte %d, want %s", p.at+1, what)
}
