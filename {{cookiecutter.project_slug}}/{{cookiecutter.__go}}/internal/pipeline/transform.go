package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	// TransformVersion changes with every change of what Transform makes of an input.
	TransformVersion = "daily-sales-2"

	secondsOfDay  = 24 * 60 * 60
	rowsPerSignal = 256
)

type DailySummary struct {
	Date         string `json:"date"`
	Orders       int64  `json:"orders"`
	RevenueCents int64  `json:"revenue_cents"`
}

type sale struct {
	order   [16]byte
	content [16]byte
	line    int64
	day     int64
	cents   int64
}

func newSale(line int64, at time.Time, record Record) sale {
	var cents int64
	said := make([]byte, 0, 512)
	said = append(append(said, record.CustomerID.Value...), 0)
	said = binary.BigEndian.AppendUint64(said, uint64(at.Unix()))       //nolint:gosec // the bits are all that counts
	said = binary.BigEndian.AppendUint64(said, uint64(at.Nanosecond())) //nolint:gosec // never negative
	for _, item := range record.Items {
		cents += item.Quantity.Value * item.UnitPriceCents.Value
		said = append(append(said, item.SKU.Value...), 0)
		said = binary.BigEndian.AppendUint64(said, uint64(item.Quantity.Value))       //nolint:gosec // in range
		said = binary.BigEndian.AppendUint64(said, uint64(item.UnitPriceCents.Value)) //nolint:gosec // in range
	}
	order, content := sha256.Sum256(record.OrderID.Value), sha256.Sum256(said)
	return sale{
		order: [16]byte(order[:16]), content: [16]byte(content[:16]),
		line: line, day: at.Unix() / secondsOfDay, cents: cents,
	}
}

type dailySales struct {
	days map[int64]*DailySummary
}

func (d *dailySales) add(one sale) bool {
	day, found := d.days[one.day]
	if !found {
		day = &DailySummary{Date: string(order.DayOf(time.Unix(one.day*secondsOfDay, 0)))}
		d.days[one.day] = day
	}
	if day.RevenueCents > math.MaxInt64-one.cents {
		return false
	}
	day.Orders++
	day.RevenueCents += one.cents
	return true
}

func (d *dailySales) summaries() []DailySummary {
	sorted := make([]DailySummary, 0, len(d.days))
	for _, day := range slices.Sorted(maps.Keys(d.days)) {
		sorted = append(sorted, *d.days[day])
	}
	return sorted
}

type transformer struct {
	quality *quality
	counts  *Counts
	sales   dailySales
	first   sale
	lines   int64
	differs bool
}

func (t *transformer) take(next sale) {
	if t.lines > 0 && next.order == t.first.order {
		t.repeat(next)
		return
	}
	t.close()
	t.first, t.lines, t.differs = next, 1, false
}

func (t *transformer) repeat(next sale) {
	t.lines++
	if next.content == t.first.content {
		t.quality.note(ruleDuplicate, next.line, fmt.Sprintf("the order repeats line %d", t.first.line))
		return
	}
	t.differs = true
	t.quality.note(ruleConflict, next.line, fmt.Sprintf("the order says something else than in line %d", t.first.line))
}

func (t *transformer) close() {
	switch {
	case t.lines == 0:
	case t.differs:
		t.counts.Rejected += t.lines
	case !t.sales.add(t.first):
		t.counts.Rejected += t.lines
		t.quality.note(ruleOverflow, t.first.line, "the revenue of the day exceeds 64 bits")
	default:
		t.counts.Accepted++
		t.counts.Duplicates += t.lines - 1
	}
}

func transform(ctx context.Context, sorted *sorter, found *quality, counts *Counts, signal func()) ([]DailySummary, error) {
	work := &transformer{quality: found, counts: counts, sales: dailySales{days: map[int64]*DailySummary{}}}
	var taken int64
	err := sorted.each(ctx, func(next sale) error {
		if taken++; taken%rowsPerSignal == 0 {
			signal()
		}
		work.take(next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	work.close()
	return work.sales.summaries(), nil
}
