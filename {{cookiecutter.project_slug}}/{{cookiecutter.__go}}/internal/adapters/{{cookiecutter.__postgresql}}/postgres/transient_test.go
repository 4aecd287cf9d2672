package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

func TestTransientTellsFailuresFromAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want bool
	}{
		"refused connection":     {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"reset":                  {syscall.ECONNRESET, true},
		"end in mid-answer":      {io.ErrUnexpectedEOF, true},
		"closed connection":      {net.ErrClosed, true},
		"deadline of an attempt": {context.DeadlineExceeded, true},
		"shutdown":               {&pgconn.PgError{Code: "57P01"}, true},
		"statement timeout":      {&pgconn.PgError{Code: "57014"}, true},
		"too many connections":   {&pgconn.PgError{Code: "53300"}, true},
		"deadlock":               {&pgconn.PgError{Code: "40P01"}, true},
		"lock held":              {&pgconn.PgError{Code: "55P03"}, true},
		"duplicate key":          {&pgconn.PgError{Code: "23505"}, false},
		"bad statement":          {&pgconn.PgError{Code: "42601"}, false},
		"wrong password":         {&pgconn.PgError{Code: "28P01"}, false},
		"not found":              {order.ErrNotFound, false},
		"conflict":               {order.ErrIdempotencyConflict, false},
		"unreadable row":         {errors.New("read items of order"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := postgres.Transient(fmt.Errorf("find order: %w", test.err))

			if got != test.want {
				t.Errorf("%v: got %t", test.err, got)
			}
		})
	}
}
