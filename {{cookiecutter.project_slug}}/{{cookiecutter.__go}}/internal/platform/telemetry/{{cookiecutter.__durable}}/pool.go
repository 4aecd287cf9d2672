package telemetry

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// Pool is a pool of connections at one moment. Waits counts the calls, since the start, that found no connection free.
type Pool struct {
	Used  int64
	Idle  int64
	Max   int64
	Waits int64
}

// Pool measures the connections to the dependency of this name; read is asked at each collection and may not block.
func (t *Telemetry) Pool(name string, read func() Pool) error {
	meter := t.meters.Meter("pool")
	var errs [4]error
	var open, most metric.Int64ObservableGauge
	var waits metric.Int64ObservableCounter
	open, errs[0] = meter.Int64ObservableGauge("db.client.connections",
		metric.WithDescription("Connections of the pool, by state"))
	most, errs[1] = meter.Int64ObservableGauge("db.client.connections.max",
		metric.WithDescription("Connections that the pool may hold"))
	waits, errs[2] = meter.Int64ObservableCounter("db.client.connections.waits",
		metric.WithDescription("Calls that found no connection free"))
	plain := labels("dependency", name)
	used, idle := labels("dependency", name, "state", "used"), labels("dependency", name, "state", "idle")
	_, errs[3] = meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		pool := read()
		observer.ObserveInt64(open, pool.Used, used)
		observer.ObserveInt64(open, pool.Idle, idle)
		observer.ObserveInt64(most, pool.Max, plain)
		observer.ObserveInt64(waits, pool.Waits, plain)
		return nil
	}, open, most, waits)
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("create instruments of the pool of %s: %w", name, err)
	}
	return nil
}
