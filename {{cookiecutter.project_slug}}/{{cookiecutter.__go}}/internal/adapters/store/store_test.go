package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

func TestSeedPlacesTheSameOrdersOnce(t *testing.T) {
	t.Parallel()
	kept := memory.New()

	first, errFirst := store.Seed(t.Context(), kept)
	second, errSecond := store.Seed(t.Context(), kept)

	orders, errList := kept.List(t.Context(), order.Page{Limit: 100})
	if err := errors.Join(errFirst, errSecond, errList); err != nil || first == 0 || second != 0 || len(orders) != first {
		t.Errorf("placed %d, then %d, found %d, %v", first, second, len(orders), err)
	}
	for _, one := range orders {
		id := one.ID()
		if _, err := order.ParseID(string(id)); err != nil || order.NewID(one.Snapshot().CreatedAt)[:13] != id[:13] {
			t.Errorf("%s is no id of its moment: %v", id, err)
		}
	}
}

func TestStatusIsATableForPeople(t *testing.T) {
	t.Parallel()
	found := []store.Migration{
		{Version: 1, Name: "00001_orders.sql", State: "applied", AppliedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)},
		{Version: 2, Name: "00002_channel.sql", State: "pending"},
	}
	var out strings.Builder

	err := store.WriteStatus(&out, found)

	want := "VERSION  STATE    APPLIED AT            MIGRATION\n" +
		"1        applied  2026-11-20T09:00:00Z  00001_orders.sql\n" +
		"2        pending  -                     00002_channel.sql\n"
	if err != nil || out.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, out.String(), want)
	}
}

func TestCurrentMeansNothingIsLeftToApply(t *testing.T) {
	t.Parallel()
	applied := store.Migration{State: "applied"}
	tests := map[string]bool{"applied": true, "newer": true, "pending": false, "interrupted": false, "edited": false}
	for state, want := range tests {
		t.Run(state, func(t *testing.T) {
			t.Parallel()

			got := store.Current([]store.Migration{applied, {State: state}})

			if got != want {
				t.Errorf("got %t, want %t", got, want)
			}
		})
	}
}
