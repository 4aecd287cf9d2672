package mongo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type unit struct {
	store   *Store
	counted []order.Placed
}

func newUnit(store *Store) *unit {
	return &unit{store: store}
}

func (u *unit) Apply(ctx context.Context, event order.Placed) (bool, error) {
	if slices.ContainsFunc(u.counted, func(one order.Placed) bool { return one.EventID == event.EventID }) {
		return false, nil
	}
	err := u.store.database.Collection(processedCollection).FindOne(ctx, byID(string(event.EventID))).Err()
	if err == nil {
		return false, nil
	}
	if !errors.Is(err, driver.ErrNoDocuments) {
		return false, fmt.Errorf("look for event: %w", err)
	}
	u.counted = append(u.counted, event)
	return true, nil
}

func (u *unit) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	summary, err := u.store.daily(ctx, day)
	if err != nil {
		return order.DailySummary{}, err
	}
	sum := sums(u.counted)[day]
	summary.Orders += sum.Orders
	summary.RevenueCents += sum.RevenueCents
	return summary, nil
}

func (s *Store) count(ctx context.Context, events []order.Placed) (int, error) {
	fresh, err := s.unmarked(ctx, events)
	if err != nil || len(fresh) == 0 {
		return 0, err
	}
	marks := make([]markDocument, 0, len(fresh))
	for _, event := range fresh {
		marks = append(marks, markDocument{ID: string(event.EventID), ProcessedAt: time.Now()})
	}
	if _, err := s.database.Collection(processedCollection).InsertMany(ctx, marks); err != nil {
		return 0, fmt.Errorf("mark events: %w", err)
	}
	days := sums(fresh)
	for _, day := range slices.Sorted(maps.Keys(days)) {
		_, err := s.database.Collection(summariesCollection).
			UpdateOne(ctx, byID(string(day)), field("$inc", days[day]), options.UpdateOne().SetUpsert(true))
		if err != nil {
			return 0, fmt.Errorf("add to day: %w", err)
		}
	}
	return len(fresh), nil
}

func (s *Store) unmarked(ctx context.Context, events []order.Placed) ([]order.Placed, error) {
	if len(events) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(events))
	for _, event := range events {
		ids = append(ids, string(event.EventID))
	}
	found, err := all[markDocument](ctx, s.database.Collection(processedCollection), byID(anyOf(ids)), options.Find())
	if err != nil {
		return nil, err
	}
	marked := make(map[string]bool, len(found))
	for _, one := range found {
		marked[one.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(events), func(one order.Placed) bool { return marked[string(one.EventID)] }), nil
}

func sums(events []order.Placed) map[order.Day]summaryDocument {
	days := map[order.Day]summaryDocument{}
	for _, event := range events {
		sum := days[event.Day()]
		sum.Orders++
		sum.RevenueCents += event.TotalCents
		days[event.Day()] = sum
	}
	return days
}

func (s *Store) daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	var sum summaryDocument
	err := s.database.Collection(summariesCollection).FindOne(ctx, byID(string(day))).Decode(&sum)
	if err != nil && !errors.Is(err, driver.ErrNoDocuments) {
		return order.DailySummary{}, fmt.Errorf("read day: %w", err)
	}
	return order.DailySummary{Day: day, Orders: sum.Orders, RevenueCents: sum.RevenueCents}, nil
}
