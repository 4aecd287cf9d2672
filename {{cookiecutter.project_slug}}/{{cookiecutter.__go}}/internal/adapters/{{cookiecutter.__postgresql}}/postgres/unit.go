package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	markEvent = `INSERT INTO processed_events (event_id) VALUES ($1) ON CONFLICT (event_id) DO NOTHING`
	addToDay  = `INSERT INTO daily_summaries (day, orders, revenue_cents) VALUES ($1, $2, $3)
ON CONFLICT (day) DO UPDATE SET orders = daily_summaries.orders + excluded.orders, revenue_cents = daily_summaries.revenue_cents + excluded.revenue_cents`
	readDay = `SELECT orders, revenue_cents FROM daily_summaries WHERE day = $1`
)

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

type unit struct {
	tx   pgx.Tx
	days map[order.Day]order.DailySummary
}

func newUnit(tx pgx.Tx) *unit {
	return &unit{tx: tx, days: map[order.Day]order.DailySummary{}}
}

func (u *unit) Apply(ctx context.Context, event order.Placed) (bool, error) {
	marked, err := u.tx.Exec(ctx, markEvent, string(event.EventID))
	if err != nil {
		return false, fmt.Errorf("mark event: %w", err)
	}
	if marked.RowsAffected() == 0 {
		return false, nil
	}
	sum := u.days[event.Day()]
	sum.Orders++
	sum.RevenueCents += event.TotalCents
	u.days[event.Day()] = sum
	return true, nil
}

func (u *unit) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	summary, err := daily(ctx, u.tx, day)
	if err != nil {
		return order.DailySummary{}, err
	}
	summary.Orders += u.days[day].Orders
	summary.RevenueCents += u.days[day].RevenueCents
	return summary, nil
}

func (u *unit) flush(ctx context.Context) error {
	for _, day := range slices.Sorted(maps.Keys(u.days)) {
		sum := u.days[day]
		if _, err := u.tx.Exec(ctx, addToDay, date(day), sum.Orders, sum.RevenueCents); err != nil {
			return fmt.Errorf("add to day: %w", err)
		}
	}
	return nil
}

func daily(ctx context.Context, from querier, day order.Day) (order.DailySummary, error) {
	summary := order.DailySummary{Day: day}
	err := from.QueryRow(ctx, readDay, date(day)).Scan(&summary.Orders, &summary.RevenueCents)
	if err != nil && !notFound(err) {
		return order.DailySummary{}, fmt.Errorf("read day: %w", err)
	}
	return summary, nil
}
