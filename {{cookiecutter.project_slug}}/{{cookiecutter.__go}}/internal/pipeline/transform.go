package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const TransformVersion = "daily-sales-1"

type DailySummary struct {
	Date         string `json:"date"`
	Orders       int64  `json:"orders"`
	RevenueCents int64  `json:"revenue_cents"`
}

// Transform sums the orders of each UTC day. The order of the rows does not change the result.
func Transform(rows []Row) ([]DailySummary, error) {
	days := map[string]DailySummary{}
	for _, row := range rows {
		at, err := time.Parse(time.RFC3339, row.Record.PlacedAt)
		if err != nil {
			return nil, fmt.Errorf("transform: row %d: %w", row.Number, err)
		}
		date := at.UTC().Format(time.DateOnly)
		summary := days[date]
		summary.Date = date
		summary.Orders++
		for _, item := range row.Record.Items {
			summary.RevenueCents += item.Quantity * item.UnitPriceCents
		}
		days[date] = summary
	}
	summaries := make([]DailySummary, 0, len(days))
	for _, summary := range days {
		summaries = append(summaries, summary)
	}
	slices.SortFunc(summaries, func(a, b DailySummary) int { return strings.Compare(a.Date, b.Date) })
	return summaries, nil
}
