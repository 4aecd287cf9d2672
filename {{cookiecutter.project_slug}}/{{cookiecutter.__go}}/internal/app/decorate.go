package app

import (
	"context"
	"errors"
	"time"
)

var errAborted = errors.New("aborted by a panic")

func withTimeout[Q, R any](limit time.Duration, next Handler[Q, R]) Handler[Q, R] {
	return func(ctx context.Context, query Q) (R, error) {
		if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= limit {
			return next(ctx, query)
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return next(ctx, query)
	}
}

func withSpan[Q, R any](tracer Tracer, name string, next Handler[Q, R]) Handler[Q, R] {
	return func(ctx context.Context, query Q) (R, error) {
		ctx, end := tracer.Span(ctx, name)
		outcome := errAborted
		defer func() { end(outcome) }()
		var answer R
		answer, outcome = next(ctx, query)
		return answer, outcome
	}
}
