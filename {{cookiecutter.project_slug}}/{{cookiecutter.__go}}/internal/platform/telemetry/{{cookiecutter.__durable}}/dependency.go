package telemetry

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"{{ cookiecutter.__go_module }}/internal/platform/resilience"
)

// Dependency measures the calls to one dependency; it is a resilience.Observer.
type Dependency struct {
	attempts metric.Int64Counter
	retries  metric.Int64Counter
	refusals metric.Int64Counter
	changes  metric.Int64Counter
	state    metric.Int64Gauge
	plain    metric.MeasurementOption
	labelled map[string]metric.MeasurementOption
}

// Dependency gives the measurements of the dependency of this name.
func (t *Telemetry) Dependency(ctx context.Context, name string) (*Dependency, error) {
	meter := t.meters.Meter("resilience")
	built := &Dependency{plain: metric.WithAttributeSet(attribute.NewSet(attribute.String("dependency", name)))}
	var errs [5]error
	built.attempts, errs[0] = meter.Int64Counter("resilience.attempts",
		metric.WithDescription("Attempts to reach a dependency, by what became of them"))
	built.retries, errs[1] = meter.Int64Counter("resilience.retries",
		metric.WithDescription("Attempts that were not the first of their call"))
	built.refusals, errs[2] = meter.Int64Counter("resilience.refusals",
		metric.WithDescription("Calls that were refused before they reached a dependency"))
	built.changes, errs[3] = meter.Int64Counter("resilience.breaker.changes",
		metric.WithDescription("Changes of a breaker, by the state it went to"))
	built.state, errs[4] = meter.Int64Gauge("resilience.breaker.state",
		metric.WithDescription("State of a breaker: 0 closed, 1 half-open, 2 open"))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("create instruments of %s: %w", name, err)
	}
	built.begin(ctx, name)
	return built, nil
}

func (d *Dependency) begin(ctx context.Context, name string) {
	d.labelled = map[string]metric.MeasurementOption{}
	counters := map[metric.Int64Counter][]string{
		d.attempts: {resilience.ResultOK, resilience.ResultAnswered, resilience.ResultFailed, resilience.ResultTimeout, resilience.ResultAbandoned},
		d.refusals: {resilience.RefusedOpen, resilience.RefusedFull, resilience.RefusedBudget},
		d.changes:  {resilience.StateClosed, resilience.StateHalfOpen, resilience.StateOpen},
	}
	for counter, results := range counters {
		for _, result := range results {
			d.labelled[result] = metric.WithAttributeSet(attribute.NewSet(
				attribute.String("dependency", name), attribute.String("result", result)))
			counter.Add(ctx, 0, d.labelled[result])
		}
	}
	d.retries.Add(ctx, 0, d.plain)
	d.state.Record(ctx, level(resilience.StateClosed), d.plain)
}

func (d *Dependency) Attempted(ctx context.Context, result string) {
	d.attempts.Add(ctx, 1, d.labelled[result])
}

func (d *Dependency) Retried(ctx context.Context) {
	d.retries.Add(ctx, 1, d.plain)
}

func (d *Dependency) Refused(ctx context.Context, reason string) {
	d.refusals.Add(ctx, 1, d.labelled[reason])
}

func (d *Dependency) BreakerChanged(ctx context.Context, state string) {
	d.changes.Add(ctx, 1, d.labelled[state])
	d.state.Record(ctx, level(state), d.plain)
}

func level(state string) int64 {
	switch state {
	case resilience.StateOpen:
		return 2
	case resilience.StateHalfOpen:
		return 1
	default:
		return 0
	}
}
