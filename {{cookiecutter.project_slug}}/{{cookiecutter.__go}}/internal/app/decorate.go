package app

import (
	"context"
	"time"
)

func withTimeout[Q, R any](limit time.Duration, next Handler[Q, R]) Handler[Q, R] {
	return func(ctx context.Context, query Q) (R, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return next(ctx, query)
	}
}

func withSpan[Q, R any](tracer Tracer, name string, next Handler[Q, R]) Handler[Q, R] {
	return func(ctx context.Context, query Q) (R, error) {
		ctx, end := tracer.Span(ctx, name)
		answer, err := next(ctx, query)
		end(err)
		return answer, err
	}
}
