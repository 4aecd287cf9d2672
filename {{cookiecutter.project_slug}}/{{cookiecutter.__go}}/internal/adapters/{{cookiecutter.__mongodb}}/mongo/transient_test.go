package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/drivertest"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/xoptions"

	"{{ cookiecutter.__go_module }}/internal/adapters/mongo"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

func TestTransientTellsFailuresFromAnswers(t *testing.T) {
	t.Parallel()
	duplicate := driver.WriteException{WriteErrors: driver.WriteErrors{driver.WriteError{Code: 11000}}}
	tests := map[string]struct {
		err  error
		want bool
	}{
		"refused connection":     {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"end in mid-answer":      {io.ErrUnexpectedEOF, true},
		"closed connection":      {net.ErrClosed, true},
		"deadline of an attempt": {context.DeadlineExceeded, true},
		"no server":              {topology.ServerSelectionError{Wrapped: errors.New("none")}, true},
		"no connection":          {topology.ConnectionError{Wrapped: io.EOF}, true},
		"a full pool":            {topology.WaitQueueTimeoutError{Wrapped: errors.New("full")}, true},
		"a lost connection":      {driver.CommandError{Labels: []string{"NetworkError"}}, true},
		"a lost commit":          {driver.CommandError{Labels: []string{"UnknownTransactionCommitResult"}}, true},
		"shutdown":               {driver.CommandError{Code: 91}, true},
		"not primary":            {driver.CommandError{Code: 10107}, true},
		"time limit":             {driver.CommandError{Code: 50}, true},
		"unavailable":            {failure.ErrUnavailable, true},
		"duplicate key":          {duplicate, false},
		"broken rule":            {driver.CommandError{Code: 121}, false},
		"wrong password":         {driver.CommandError{Code: 18}, false},
		"not found":              {order.ErrNotFound, false},
		"conflict":               {order.ErrIdempotencyConflict, false},
		"unreadable document":    {errors.New("read items of order"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := mongo.Transient(fmt.Errorf("find order: %w", test.err))

			if got != test.want {
				t.Errorf("%v: got %t", test.err, got)
			}
		})
	}
}

type script struct {
	*drivertest.MockDeployment

	store *mongo.Store
}

func answering(t *testing.T, answers ...bson.D) script {
	t.Helper()
	deployment := drivertest.NewMockDeployment(answers...)
	how := options.Client().SetRetryReads(false).SetRetryWrites(false)
	if err := xoptions.SetInternalClientOptions(how, "deployment", deployment); err != nil {
		t.Fatal(err)
	}
	client, err := driver.Connect(how)
	if err != nil {
		t.Fatal(err)
	}
	return script{deployment, mongo.Over(client)}
}

func rowOf(id string) bson.D {
	items := bson.A{doc("sku", "KEEL-1", "quantity", 2, "unit_price_cents", 50)}
	return doc("_id", id, "customer_id", "c-1", "status", "placed", "items", items, "total_cents", 100, "created_at", time.Now())
}

func page(cursor int64, documents ...bson.D) bson.D {
	rows := append([]bson.D{}, documents...)
	return doc("ok", 1, "cursor", doc("id", cursor, "ns", "test.orders", "firstBatch", rows))
}

func TestACursorThatDiesInMidIterationIsNoShorterPage(t *testing.T) {
	t.Parallel()
	id := order.NewID(time.Now())
	lost := answering(t, page(7, rowOf(string(id))), doc("ok", 0, "code", 43, "errmsg", "cursor gone"), doc("ok", 1))

	found, err := lost.store.List(t.Context(), order.Page{Limit: 10})

	if err == nil || found != nil {
		t.Errorf("got %v, %v; want an error and no orders", found, err)
	}
}

func TestAnswersOfTheServerAreMapped(t *testing.T) {
	t.Parallel()
	id := order.NewID(time.Now())
	contradiction := rowOf(string(id))
	contradiction[4].Value = 1
	tests := map[string]struct {
		answer bson.D
		want   error
		fails  bool
	}{
		"an order":             {page(0, rowOf(string(id))), nil, false},
		"nothing":              {page(0), order.ErrNotFound, true},
		"a shutdown":           {doc("ok", 0, "code", 91, "errmsg", "shutting down"), failure.ErrUnavailable, true},
		"a new primary":        {doc("ok", 0, "code", 189, "errmsg", "stepped down"), failure.ErrUnavailable, true},
		"a time limit":         {doc("ok", 0, "code", 50, "errmsg", "time limit"), context.DeadlineExceeded, true},
		"no permission":        {doc("ok", 0, "code", 13, "errmsg", "not authorized"), nil, true},
		"a document that lies": {page(0, contradiction), nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripted := answering(t, test.answer)

			found, err := scripted.store.Find(t.Context(), id)

			if (err != nil) != test.fails || test.want != nil && !errors.Is(err, test.want) || err == nil && found.ID() != id {
				t.Errorf("got %v, %v; want %v", found, err, test.want)
			}
			if test.want == nil && errors.Is(err, failure.ErrUnavailable) {
				t.Errorf("got %v, want an answer", err)
			}
		})
	}
}

func TestOnlyATopologyWithTransactionsIsGoodEnough(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hello bson.D
		want  error
	}{
		"a replica set":      {doc("ok", 1, "setName", "rs0"), nil},
		"a sharded cluster":  {doc("ok", 1, "msg", "isdbgrid"), nil},
		"one server alone":   {doc("ok", 1), mongo.ErrNoTransactions},
		"a server that ends": {doc("ok", 0, "code", 91, "errmsg", "shutting down"), failure.ErrUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			err := answering(t, test.hello).store.RequireTransactions(t.Context())

			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
