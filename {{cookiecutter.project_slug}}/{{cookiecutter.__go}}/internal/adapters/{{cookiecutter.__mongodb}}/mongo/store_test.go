package mongo_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"{{ cookiecutter.__go_module }}/internal/adapters/mongo"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const refusedByRules = 121

func nothing(context.Context, order.Placed, app.Summaries) error { return nil }

func placement(tb testing.TB, at time.Time) order.Placement {
	tb.Helper()
	item := order.Item{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250}
	placed, event, err := order.Place(order.NewID(at), order.Draft{CustomerID: "c-1", Items: []order.Item{item}}, at)
	if err != nil {
		tb.Fatalf("place: %v", err)
	}
	return order.Placement{Order: placed, Event: event}
}

func add(tb testing.TB, store *mongo.Store, made order.Placement) {
	tb.Helper()
	if _, _, err := store.Add(tb.Context(), made); err != nil {
		tb.Fatalf("add: %v", err)
	}
}

func TestIntegrationAMomentKeepsItsMicroseconds(t *testing.T) {
	t.Parallel()
	settings, _ := migrated(t)
	store := open(t, settings)
	at := time.Date(2026, 11, 20, 12, 0, 0, 123_456_000, time.UTC)
	made := placement(t, at)
	add(t, store, made)

	found, err := store.Find(t.Context(), made.Order.ID())

	if err != nil || !found.Snapshot().CreatedAt.Equal(at) {
		t.Errorf("got %s, %v; want %s", found.Snapshot().CreatedAt, err, at)
	}
}

func TestIntegrationAnUnreadableEventIsParkedWithItsReason(t *testing.T) {
	t.Parallel()
	settings, direct := migrated(t)
	store, id := open(t, settings), string(order.NewID(time.Now()))
	unknown := doc("_id", id, "payload", `{"event_type":"unknown"}`, "position", int64(1), "created_at", time.Now())
	if _, err := direct.Collection("outbox").InsertOne(t.Context(), unknown); err != nil {
		t.Fatal(err)
	}
	add(t, store, placement(t, time.Now()))

	batch, err := store.Take(t.Context(), 10, nothing)

	if err != nil || batch.Taken != 2 || batch.Parked != 1 {
		t.Errorf("got %+v, %v; want two taken, one parked", batch, err)
	}
	if pending, err := store.Pending(t.Context()); err != nil || pending != 0 {
		t.Errorf("%d pending, %v; want none", pending, err)
	}
	var parked struct {
		At     time.Time `bson:"parked_at"`
		Reason string    `bson:"last_error"`
	}
	err = direct.Collection("outbox").FindOne(t.Context(), doc("_id", id)).Decode(&parked)
	if err != nil || parked.At.IsZero() || !strings.Contains(parked.Reason, "unknown") {
		t.Errorf("got %+v, %v; want a moment and a reason", parked, err)
	}
}

func TestIntegrationEventsOfADeadWorkerAreTakenOver(t *testing.T) {
	t.Parallel()
	settings, direct := migrated(t)
	store := open(t, settings)
	add(t, store, placement(t, time.Now()))
	hold := doc("$set", doc("lease", "dead", "leased_until", time.Now().Add(time.Hour)))
	if _, err := direct.Collection("outbox").UpdateMany(t.Context(), bson.D{}, hold); err != nil {
		t.Fatal(err)
	}

	held, errHeld := store.Take(t.Context(), 10, nothing)
	pending, errPending := store.Pending(t.Context())
	ended := doc("$set", doc("leased_until", time.Now().Add(-time.Hour)))
	_, errEnd := direct.Collection("outbox").UpdateMany(t.Context(), bson.D{}, ended)
	free, errFree := store.Take(t.Context(), 10, nothing)

	if err := errors.Join(errHeld, errPending, errEnd, errFree); err != nil || held.Taken != 0 || pending != 1 || free.Taken != 1 {
		t.Errorf("took %d of %d, then %d, %v; want 0 of 1, then 1", held.Taken, pending, free.Taken, err)
	}
}

func TestIntegrationAWorkerThatLostItsLeaseCountsNothing(t *testing.T) {
	t.Parallel()
	settings, direct := migrated(t)
	store := open(t, settings)
	made := placement(t, time.Now())
	add(t, store, made)

	_, err := store.Take(t.Context(), 10, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		_, errApply := summaries.Apply(ctx, event)
		_, errTaken := direct.Collection("outbox").UpdateMany(ctx, bson.D{}, doc("$set", doc("lease", "another")))
		return errors.Join(errApply, errTaken)
	})

	summary, errDaily := store.Daily(t.Context(), made.Event.Day())
	if !errors.Is(err, failure.ErrUnavailable) || errDaily != nil || summary.Orders != 0 {
		t.Errorf("got %v and %+v, %v; want unavailable and nothing counted", err, summary, errDaily)
	}
}

func TestIntegrationAProjectionRunsOnceHoweverOftenItsTransactionIsTried(t *testing.T) {
	t.Parallel()
	settings, direct := migrated(t)
	settings.Application += "-conflict"
	store := open(t, settings)
	made := placement(t, time.Now())
	add(t, store, made)
	failing(t, settings, direct, 3, doc("failCommands", bson.A{"delete"}, "errorCode", 112, "errorLabels", bson.A{"TransientTransactionError"}))
	runs := 0

	_, err := store.Take(t.Context(), 10, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		runs++
		_, err := summaries.Apply(ctx, event)
		return err
	})

	summary, errDaily := store.Daily(t.Context(), made.Event.Day())
	if err := errors.Join(err, errDaily); err != nil || runs != 1 || summary.Orders != 1 {
		t.Errorf("%d runs, %+v, %v; want one of each", runs, summary, err)
	}
}

func TestIntegrationACommitWhoseAnswerIsLostIsNoSecondOrder(t *testing.T) {
	t.Parallel()
	settings, direct := migrated(t)
	settings.Application += "-commit"
	store := open(t, settings)
	failing(t, settings, direct, 1, doc("failCommands", bson.A{"commitTransaction"}, "closeConnection", true))

	_, _, err := store.Add(t.Context(), placement(t, time.Now()))

	orders, errList := store.List(t.Context(), order.Page{Limit: 10})
	if err := errors.Join(err, errList); err != nil || len(orders) != 1 {
		t.Errorf("%d orders, %v; want one, for the driver repeats a commit", len(orders), err)
	}
}

func TestIntegrationWhatTheServerDoesIsToldApart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		how  bson.D
		want error
	}{
		"a lost connection": {doc("failCommands", bson.A{"find"}, "closeConnection", true), failure.ErrUnavailable},
		"a stop":            {doc("failCommands", bson.A{"find"}, "errorCode", 11600), failure.ErrUnavailable},
		"a time limit":      {doc("failCommands", bson.A{"find"}, "errorCode", 50), context.DeadlineExceeded},
		"no answer":         {doc("failCommands", bson.A{"find"}, "blockConnection", true, "blockTimeMS", 1500), context.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, direct := migrated(t)
			settings.Application += strings.ReplaceAll(name, " ", "")
			store := open(t, settings)
			failing(t, settings, direct, 1, test.how)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()

			_, err := store.List(ctx, order.Page{Limit: 1})

			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestIntegrationReadsAreNotRepeatedBelowTheGuard(t *testing.T) {
	t.Parallel()
	settings, direct := migrated(t)
	settings.Application += "-reads"
	store := open(t, settings)
	failing(t, settings, direct, 1, doc("failCommands", bson.A{"find"}, "closeConnection", true))

	_, first := store.List(t.Context(), order.Page{Limit: 1})
	_, second := store.List(t.Context(), order.Page{Limit: 1})

	if first == nil || second != nil {
		t.Errorf("got %v, then %v; want one failure", first, second)
	}
}

func TestIntegrationTheSchemaHoldsTheRulesOfTheDomain(t *testing.T) {
	t.Parallel()
	_, direct := migrated(t)
	id := func() string { return string(order.NewID(time.Now())) }
	placed := func(total int64, items ...bson.D) bson.D {
		return doc("_id", id(), "customer_id", "c-1", "status", "placed", "items", items, "total_cents", total,
			"created_at", time.Now(), "created_at_micros", 7)
	}
	item := func(sku string, quantity, price int64) bson.D {
		return doc("sku", sku, "quantity", quantity, "unit_price_cents", price)
	}
	with := func(base bson.D, name string, value any) bson.D {
		for i := range base {
			if base[i].Key == name {
				base[i].Value = value
				return base
			}
		}
		return append(base, bson.E{Key: name, Value: value})
	}
	many := make([]bson.D, 0, order.MaxItems+1)
	for i := range order.MaxItems + 1 {
		many = append(many, item("S"+strings.Repeat("x", i%64)+string(rune('A'+i/64)), 1, 0))
	}
	tests := map[string]struct {
		collection string
		document   bson.D
		refused    bool
	}{
		"a sound order":          {"orders", placed(100, item("KEEL-1", 2, 50)), false},
		"a wrong total":          {"orders", placed(99, item("KEEL-1", 2, 50)), true},
		"no customer":            {"orders", with(placed(100, item("KEEL-1", 2, 50)), "customer_id", ""), true},
		"an unknown status":      {"orders", with(placed(100, item("KEEL-1", 2, 50)), "status", "lost"), true},
		"an id of another shape": {"orders", with(placed(100, item("KEEL-1", 2, 50)), "_id", "1"), true},
		"a field of nobody":      {"orders", with(placed(100, item("KEEL-1", 2, 50)), "channel", "web"), true},
		"no items":               {"orders", placed(0), true},
		"too many items":         {"orders", placed(0, many...), true},
		"a quantity of zero":     {"orders", placed(0, item("A", 0, 50)), true},
		"a negative price":       {"orders", placed(-5, item("A", 1, -5)), true},
		"half a cent":            {"orders", with(placed(0, item("A", 1, 0)), "total_cents", 0.5), true},
		"an article twice":       {"orders", placed(10, item("A", 1, 5), item("A", 1, 5)), true},
		"an article unnamed":     {"orders", placed(5, doc("quantity", 1, "unit_price_cents", 5)), true},
		"a sound key":            {"idempotency_keys", doc("_id", "k", "fingerprint", make([]byte, 32), "order_id", id(), "expires_at", time.Now()), false},
		"a short fingerprint":    {"idempotency_keys", doc("_id", "k-1", "fingerprint", make([]byte, 31), "order_id", id(), "expires_at", time.Now()), true},
		"a key without an order": {"idempotency_keys", doc("_id", "k-1", "fingerprint", make([]byte, 32), "expires_at", time.Now()), true},
		"an event of no shape":   {"outbox", doc("_id", id(), "payload", "[]", "position", int64(1), "created_at", time.Now()), true},
		"parked for no reason":   {"outbox", doc("_id", id(), "payload", "{}", "position", int64(1), "created_at", time.Now(), "parked_at", time.Now()), true},
		"parked with its reason": {"outbox", doc("_id", id(), "payload", "{}", "position", int64(1), "created_at", time.Now(), "parked_at", time.Now(), "last_error", "x"), false},
		"a mark without a time":  {"processed_events", doc("_id", id()), true},
		"a day below zero":       {"daily_summaries", doc("_id", "2026-11-20", "orders", 1, "revenue_cents", -1), true},
		"a day without orders":   {"daily_summaries", doc("_id", "2026-11-20", "orders", 0, "revenue_cents", 0), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := direct.Collection(test.collection).InsertOne(t.Context(), test.document)

			server, _ := errors.AsType[driver.ServerError](err)
			if !test.refused && err != nil || test.refused && (server == nil || !server.HasErrorCode(refusedByRules)) {
				t.Errorf("got %v, want refused %t", err, test.refused)
			}
		})
	}
}

func TestIntegrationQueriesUseTheIndexesThatAreThereForThem(t *testing.T) {
	t.Parallel()
	_, direct := migrated(t)
	tests := map[string]struct {
		query bson.D
		index string
	}{
		"a page": {doc("find", "orders", "filter", doc("_id", doc("$lt", "x")), "sort", doc("_id", -1), "limit", 10), "_id_"},
		"the outbox": {
			doc("find", "outbox", "filter", doc("parked_at", nil), "sort", doc("position", 1), "limit", 10), "outbox_waiting",
		},
		"expired keys": {
			doc("find", "idempotency_keys", "filter", doc("expires_at", doc("$lte", time.Now())), "sort", doc("expires_at", 1)),
			"idempotency_keys_expires_at",
		},
		"old marks": {
			doc("find", "processed_events", "filter", doc("processed_at", doc("$lt", time.Now())), "sort", doc("processed_at", 1)),
			"processed_events_processed_at",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			plan, err := bson.MarshalExtJSON(command(t, direct, doc("explain", test.query, "verbosity", "queryPlanner"))["queryPlanner"], false, false)

			if err != nil || !strings.Contains(string(plan), `"indexName":"`+test.index+`"`) || strings.Contains(string(plan), `"COLLSCAN"`) ||
				strings.Contains(string(plan), `"stage":"SORT"`) {
				t.Errorf("got %s, %v; want index %s and no sort", plan, err, test.index)
			}
		})
	}
}

func TestIntegrationOpenWaitsForADatabaseThatComesUp(t *testing.T) {
	t.Parallel()
	settings, _ := migrated(t)
	proxy, settings := through(t, settings)
	proxy.Refuse()
	opened := make(chan error, 1)

	go func() {
		store, err := mongo.Open(t.Context(), settings, discard())
		if err == nil {
			err = store.Close(t.Context())
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Errorf("open did not wait: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	proxy.Heal()

	if err := <-opened; err != nil {
		t.Errorf("open: %v", err)
	}
}

func TestIntegrationAServerWithoutTransactionsIsRefused(t *testing.T) {
	t.Parallel()
	binary := os.Getenv("MONGOD")
	if binary == "" {
		t.Skip("MONGOD is not set: give it the path of a mongod, which this test starts outside of a replica set")
	}
	address, stop, err := startServer(binary, false)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	_, err = mongo.Open(t.Context(), settingsOf(address, "alone"), discard())

	if !errors.Is(err, mongo.ErrNoTransactions) {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestIntegrationThePoolTellsItsConnections(t *testing.T) {
	t.Parallel()
	settings, _ := migrated(t)
	store := open(t, settings)

	err := store.Ping(t.Context())
	connections := store.Connections()

	if err != nil || connections.Max != int64(settings.MaxConns) || connections.Idle < 1 || connections.Used != 0 {
		t.Errorf("got %+v, %v", connections, err)
	}
}

func TestOpenGivesUpAndHidesThePassword(t *testing.T) {
	t.Parallel()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	settings := settingsOf("mongodb://user:hunter2@127.0.0.1:"+port+"/none", "none")
	settings.StartTimeout = 300 * time.Millisecond

	_, err = mongo.Open(t.Context(), settings, discard())

	if !errors.Is(err, failure.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestOpenRefusesAnAddressItCannotRead(t *testing.T) {
	t.Parallel()
	settings := settingsOf("mongodb://user:hunter2@127.0.0.1/none?maxPoolSize=many", "none")

	_, err := mongo.Open(t.Context(), settings, discard())

	if err == nil || errors.Is(err, failure.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want it refused at once, without the password", err)
	}
}

func TestIntegrationCloseWaitsForWhatItsCallersLeft(t *testing.T) {
	t.Parallel()
	settings, direct := migrated(t)
	store, err := mongo.Open(t.Context(), settings, discard())
	if err != nil {
		t.Fatal(err)
	}
	add(t, store, placement(t, time.Now()))
	ctx, cancel := context.WithCancel(t.Context())
	_, errTake := store.Take(ctx, 10, func(ctx context.Context, _ order.Placed, _ app.Summaries) error {
		cancel()
		return ctx.Err()
	})

	errClose := store.Close(t.Context())

	held, err := direct.Collection("outbox").CountDocuments(t.Context(), doc("lease", doc("$exists", true)))
	if err := errors.Join(errClose, err); err != nil || !errors.Is(errTake, context.Canceled) || held != 0 {
		t.Errorf("%d events are held, %v, %v; want none", held, errTake, err)
	}
}

func BenchmarkIntegrationAdd(b *testing.B) {
	settings, _ := migrated(b)
	store := open(b, settings)
	for name, keyed := range map[string]bool{"plain": false, "keyed": true} {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(each *testing.PB) {
				for each.Next() {
					now := time.Now()
					made := placement(b, now)
					if keyed {
						made.Key = &order.IdempotencyKey{
							Key: string(made.Order.ID()), Fingerprint: sha256.Sum256(nil), Now: now, ExpiresAt: now.Add(time.Hour),
						}
					}
					if _, _, err := store.Add(b.Context(), made); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}
