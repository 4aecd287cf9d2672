package kafka_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

func freePorts(t *testing.T, count int) []int {
	t.Helper()
	ports := make([]int, 0, count)
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		if address, ok := listener.Addr().(*net.TCPAddr); ok {
			ports = append(ports, address.Port)
		}
	}
	return ports
}

func TestEveryOrderIsCountedExactlyOnceUnderAllFaultsTogether(t *testing.T) {
	t.Parallel()
	const orders = 300
	brokers := cluster(t)
	store := &crashing{Store: memory.New(), every: 3}
	_, broker, _ := measured(t)
	send(t, brokers, &kgo.Record{Value: []byte("poison")})
	brokers.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 3},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 3},
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: 2},
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownServerError, Count: 2},
	)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var calls atomic.Int64
	flaky := func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		switch calls.Add(1) % 11 {
		case 3:
			return failure.ErrUnavailable
		case 7:
			_ = apply(ctx, event, summaries)
			return failure.ErrUnavailable
		default:
			return apply(ctx, event, summaries)
		}
	}
	work := func(inbox app.Inbox) func() {
		return func() {
			for ctx.Err() == nil {
				_, _ = inbox.Take(ctx, 20, flaky)
			}
		}
	}

	group.Go(func() { _ = relay(store, producer(t, settings(brokers), broker), broker, "a").Run(ctx) })
	group.Go(func() { _ = relay(store, producer(t, settings(brokers), broker), broker, "b").Run(ctx) })
	group.Go(work(consumer(t, settings(brokers), store, broker)))
	place(t, store, orders/2)
	group.Go(work(consumer(t, settings(brokers), store, broker)))
	place(t, store, orders/2)

	until(t, "the last order", func() bool { return counted(t, store) >= orders && committed(t, brokers) == ends(t, brokers, topic) })
	cancel()
	group.Wait()
	if sent := ends(t, brokers, topic); counted(t, store) != orders || sent <= orders+1 {
		t.Errorf("%d counted of %d records, want %d of more", counted(t, store), sent, orders)
	}
}

func TestFromTheCallToTheWorkerIsOneTrace(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	all, broker, spans := measured(t)
	application := app.New(app.Dependencies{
		Orders: store, Summaries: store, Metrics: all, Tracer: all, Logger: slog.New(slog.DiscardHandler),
		Clock: time.Now, IdempotencyTTL: time.Hour, Timeout: wait,
	})
	request, end := all.Span(t.Context(), "POST /v1/orders")
	item := order.Item{SKU: "KEEL-1", Quantity: 2, UnitPriceCents: 1250}
	_, err := application.PlaceOrder(request, app.PlaceOrder{Draft: order.Draft{CustomerID: "c-1", Items: []order.Item{item}}})
	end(err)
	if err != nil {
		t.Fatal(err)
	}

	errRelay := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil)
	inbox := consumer(t, settings(brokers), store, broker)
	projector := &app.Projector{Inbox: inbox, Metrics: all, Tracer: all, Logger: slog.New(slog.DiscardHandler), Every: time.Millisecond}
	until(t, "the projection", func() bool {
		_ = projector.Drain(t.Context(), nil)
		lag, err := inbox.Pending(t.Context())
		return err == nil && lag == 0
	})

	if errRelay != nil {
		t.Fatal(errRelay)
	}
	if err := all.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if wrong := checkTrace(spans.GetSpans()); wrong != "" {
		t.Error(wrong)
	}
}

func checkTrace(found tracetest.SpanStubs) string {
	parents := map[string]string{}
	names := map[string]string{}
	traces := map[string]string{}
	for _, span := range found {
		names[span.SpanContext.SpanID().String()] = span.Name
		parents[span.Name] = span.Parent.SpanID().String()
		traces[span.Name] = span.SpanContext.TraceID().String()
	}
	for _, name := range []string{"place order", "send " + topic, "process " + topic} {
		if traces[name] == "" || traces[name] != traces["POST /v1/orders"] {
			return name + " is in another trace than the request"
		}
	}
	if names[parents["process "+topic]] != "send "+topic || names[parents["send "+topic]] == "" {
		return "the record is not below the one who sent it, or that not below the request"
	}
	return ""
}
