package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

const (
	patience    = 30 * time.Second
	orderCents  = 2600
	shortMoment = 50 * time.Millisecond
)

type Store interface {
	order.Repository
	app.Summaries
	app.Inbox
	retention.Records
}

// Faults breaks what lies between a store and its server. Cut lets the server send that many bytes more, loses the rest
// and refuses new connections; Stall keeps connections open and lets nothing pass; Heal ends both. RefuseEvents makes the
// server refuse the event of each new order, or take it again.
type Faults interface {
	Cut(bytes int64)
	Stall()
	Heal()
	RefuseEvents(t *testing.T, refuse bool)
}

// Subject is a store under test. Faults may be nil, with the reason beside it.
type Subject struct {
	Store  Store
	Faults Faults
	Reason string
}

// Run holds an adapter to what the application expects of every store. open gives each test an empty store of its own.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	for name, test := range behaviours() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t).Store)
		})
	}
	for name, test := range failures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject := open(t)
			if subject.Faults == nil {
				t.Skip(subject.Reason)
			}
			t.Cleanup(subject.Faults.Heal)
			test(t, subject)
		})
	}
}

func behaviours() map[string]func(t *testing.T, store Store) {
	return map[string]func(t *testing.T, store Store){
		"finds what was added":                          findsWhatWasAdded,
		"does not find what is not there":               doesNotFindTheUnknown,
		"refuses an id that is taken":                   refusesATakenID,
		"keeps the largest order there can be":          keepsTheLargestOrder,
		"lists newest first in bounded pages":           listsNewestFirst,
		"lists nothing of an empty store":               listsNothing,
		"pages stay stable while orders arrive":         pagesStayStable,
		"pages cut through orders of one moment":        pagesCutThroughOneMoment,
		"pages stay whole under concurrent writers":     pagesStayWhole,
		"repeats the answer of a key":                   repeatsTheAnswer,
		"refuses a key with another request":            refusesAnotherRequest,
		"forgets an expired key":                        forgetsAnExpiredKey,
		"one of many racing writers places":             placesOnce,
		"different requests race for one key":           racesForAKey,
		"a refused order leaves its key free":           leavesTheKeyFree,
		"projects every event once":                     projectsOnce,
		"counts a duplicate event once":                 countsADuplicateOnce,
		"racing duplicates count once":                  countsRacingDuplicatesOnce,
		"keeps an event whose projection fails":         keepsAFailedEvent,
		"takes back what a failed projection counted":   takesBackAFailedProjection,
		"a projection sees what it has counted":         projectionSeesItsWrites,
		"shares events between workers":                 sharesEvents,
		"hands no event to two projectors":              handsAnEventToOne,
		"sums hold while orders and projections race":   sumsHold,
		"projectors meet on two days":                   projectsDaysInAnyOrder,
		"a day without sales is zero":                   aDayWithoutSales,
		"purges what has served its time":               purges,
		"purges in bounded steps":                       purgesInSteps,
		"heeds a cancelled context":                     heedsACancelledContext,
		"reports a deadline as a deadline":              reportsADeadline,
		"a projection cancelled halfway leaves nothing": leavesNothingWhenCancelled,
	}
}

func failures() map[string]func(t *testing.T, subject Subject) {
	return map[string]func(t *testing.T, subject Subject){
		"never shortens a page whose connection breaks": neverShortensAPage,
		"a broken connection is told as unavailable":    tellsUnavailable,
		"recovers when the connection does":             recovers,
		"a lost answer can be asked for again":          answersAgain,
		"leaves nothing of an order without its event":  leavesNothingHalfWritten,
		"ends with its context when nothing answers":    endsWhenNothingAnswers,
		"a projection cut off counts nothing twice":     countsOnceWhenCutOff,
	}
}

func epoch() time.Time {
	return time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
}

func placement(t *testing.T, at time.Time) order.Placement {
	t.Helper()
	return placementOf(t, at, order.Draft{CustomerID: "c-1", Items: []order.Item{
		{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250},
		{SKU: "SAIL-3", Quantity: 1, UnitPriceCents: 100},
	}})
}

func placementOf(t *testing.T, at time.Time, draft order.Draft) order.Placement {
	t.Helper()
	placed, event, err := order.Place(order.NewID(at), draft, at)
	if err != nil {
		t.Fatalf("place: %v", err)
	}
	return order.Placement{Order: placed, Event: event}
}

func largest(t *testing.T, at time.Time) order.Placement {
	t.Helper()
	items := make([]order.Item, 0, order.MaxItems)
	for i := range order.MaxItems {
		sku := fmt.Sprintf("SKU-%060d", i)
		items = append(items, order.Item{SKU: sku, Quantity: order.MaxQuantity, UnitPriceCents: order.MaxUnitPriceCents})
	}
	return placementOf(t, at, order.Draft{CustomerID: "c-1", Items: items})
}

func keyed(t *testing.T, fingerprint byte, now time.Time) order.Placement {
	t.Helper()
	return withKey(placement(t, now), "k", fingerprint, now)
}

func withKey(made order.Placement, key string, fingerprint byte, now time.Time) order.Placement {
	made.Key = &order.IdempotencyKey{Key: key, Fingerprint: [32]byte{fingerprint}, Now: now, ExpiresAt: now.Add(time.Hour)}
	return made
}

func add(t *testing.T, store Store, made order.Placement) order.Order {
	t.Helper()
	stored, replayed, err := store.Add(t.Context(), made)
	if err != nil || replayed {
		t.Fatalf("add: replayed %t, %v", replayed, err)
	}
	return stored
}

func same(a, b order.Order) bool {
	left, right := a.Snapshot(), b.Snapshot()
	return left.ID == right.ID && left.CustomerID == right.CustomerID && left.Status == right.Status &&
		left.TotalCents == right.TotalCents && left.CreatedAt.Equal(right.CreatedAt) && slices.Equal(left.Items, right.Items)
}

func fill(t *testing.T, store Store, count int) []order.ID {
	t.Helper()
	ids := make([]order.ID, 0, count)
	for step := range count {
		ids = append(ids, add(t, store, placement(t, epoch().Add(time.Duration(step)*time.Second))).ID())
	}
	slices.Reverse(ids)
	return ids
}

func list(t *testing.T, store Store, page order.Page) []order.ID {
	t.Helper()
	found, err := store.List(t.Context(), page)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	ids := make([]order.ID, 0, len(found))
	for _, one := range found {
		ids = append(ids, one.ID())
	}
	return ids
}

func walk(t *testing.T, store Store, limit int) []order.ID {
	t.Helper()
	var seen []order.ID
	page := order.Page{Limit: limit}
	for {
		ids := list(t, store, page)
		seen = append(seen, ids...)
		if len(ids) < limit {
			return seen
		}
		page.After = ids[len(ids)-1]
	}
}

func apply(ctx context.Context, event order.Placed, summaries app.Summaries) error {
	if _, err := summaries.Apply(ctx, event); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return nil
}

func project(t *testing.T, store Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, err := store.Take(ctx, 3, apply); err != nil {
			t.Errorf("take: %v", err)
			return
		}
		if pending, err := store.Pending(ctx); err != nil || pending == 0 {
			if err != nil {
				t.Errorf("pending: %v", err)
			}
			return
		}
	}
}

func checkPending(t *testing.T, store Store, want int64) {
	t.Helper()
	if pending, err := store.Pending(t.Context()); err != nil || pending != want {
		t.Errorf("%d events wait, %v; want %d", pending, err, want)
	}
}

func checkDay(t *testing.T, store Store, orders, cents int64) {
	t.Helper()
	checkSum(t, store, order.DayOf(epoch()), orders, cents)
}

func checkSum(t *testing.T, store Store, day order.Day, orders, cents int64) {
	t.Helper()
	summary, err := store.Daily(t.Context(), day)
	if err != nil || summary.Orders != orders || summary.RevenueCents != cents {
		t.Errorf("got %+v, %v; want %d orders, %d cents", summary, err, orders, cents)
	}
}

func calls(store Store, made order.Placement) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"add":     func(ctx context.Context) error { _, _, err := store.Add(ctx, made); return err },
		"find":    func(ctx context.Context) error { _, err := store.Find(ctx, made.Order.ID()); return err },
		"list":    func(ctx context.Context) error { _, err := store.List(ctx, order.Page{Limit: 1}); return err },
		"apply":   func(ctx context.Context) error { _, err := store.Apply(ctx, made.Event); return err },
		"daily":   func(ctx context.Context) error { _, err := store.Daily(ctx, made.Event.Day()); return err },
		"take":    func(ctx context.Context) error { _, err := store.Take(ctx, 1, apply); return err },
		"pending": func(ctx context.Context) error { _, err := store.Pending(ctx); return err },
		"purge":   func(ctx context.Context) error { _, err := store.Purge(ctx, epoch(), epoch(), 1); return err },
	}
}

func checkCalls(ctx context.Context, t *testing.T, store Store, made order.Placement, want error) {
	t.Helper()
	for name, call := range calls(store, made) {
		if err := call(ctx); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}
