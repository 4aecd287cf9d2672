package await_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/await"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

func TestConnectionAsksUntilTheServerIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, asked := time.Now(), 0
		ping := func(context.Context) error {
			if asked++; asked < 5 {
				return errors.New("refused")
			}
			return nil
		}

		err := await.Connection(t.Context(), time.Minute, ping, slog.New(slog.DiscardHandler))

		took := time.Since(began)
		if err != nil || asked != 5 || took < 1875*time.Millisecond || took > 3750*time.Millisecond {
			t.Errorf("got %v after %d attempts and %s", err, asked, took)
		}
	})
}

func TestConnectionEndsWithWhatStoppedIt(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	tests := map[string]struct {
		ping error
		ends func(context.CancelFunc)
		want []error
		took time.Duration
	}{
		"a limit":    {refused, func(context.CancelFunc) {}, []error{failure.ErrUnavailable, context.DeadlineExceeded, refused}, time.Minute},
		"its caller": {refused, func(cancel context.CancelFunc) { time.AfterFunc(time.Second, cancel) }, []error{context.Canceled, refused}, time.Second},
		"no use":     {fmt.Errorf("%w: no address", await.ErrFinal), func(context.CancelFunc) {}, []error{await.ErrFinal}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				test.ends(cancel)
				began := time.Now()

				err := await.Connection(ctx, time.Minute, func(context.Context) error { return test.ping }, slog.New(slog.DiscardHandler))

				for _, want := range test.want {
					if !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
			})
		})
	}
}
