package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type busyError struct {
	after time.Duration
}

func (e busyError) Error() string {
	return "host db-1 is away"
}

func (e busyError) RetryAfter() time.Duration {
	return e.after
}

type busy struct {
	*memory.Store

	after time.Duration
}

func (b busy) Find(context.Context, order.ID) (order.Order, error) {
	return order.Order{}, fmt.Errorf("find: %w", busyError{b.after})
}

func TestWhatIsBusySaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		0:                       "1",
		time.Second:             "1",
		1001 * time.Millisecond: "2",
		5 * time.Second:         "5",
	}
	for after, want := range tests {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			kept := memory.New()
			handler := newHandler(t, busy{kept, after}, kept)

			answer := send(handler, http.MethodGet, "/v1/orders/"+string(order.NewID(time.Now())), "")

			if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != want {
				t.Errorf("got %d, Retry-After %q, want %q", answer.Code, answer.Header().Get("Retry-After"), want)
			}
			if text := answer.Body.String(); strings.Contains(text, "db-1") || !strings.Contains(text, "try again") {
				t.Errorf("got %s", text)
			}
		})
	}
}
