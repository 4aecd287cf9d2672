package planted

import (
	"context"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"
)

type marker struct{}

func Lose(_ context.Context) error {
	return ask(context.Background())
}

func ask(ctx context.Context) error {
	return ctx.Err()
}

func Nest(ctx context.Context) context.Context {
	for range 3 {
		ctx = context.WithValue(ctx, marker{}, 1)
	}
	return ctx
}

func Fetch(client *http.Client) (int, error) {
	answer, err := client.Get("http://example.com")
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, nil
}

func Read(ctx context.Context, body io.Reader) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, "GET", "http://example.com", body)
}

func Wait() {
	time.Sleep(time.Second)
}

func Trace(ctx context.Context, tracer trace.Tracer) {
	_, span := tracer.Start(ctx, "lost")
	span.AddEvent("never ended")
}

func Multiply(wait time.Duration) time.Duration {
	return wait * time.Second
}
