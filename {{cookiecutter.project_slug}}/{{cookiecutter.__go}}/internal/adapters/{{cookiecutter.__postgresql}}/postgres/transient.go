package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Transient tells a failure of the server or of the way to it, which may pass, from an answer, such as a broken
// constraint, which stays the same however often it is asked for.
func Transient(err error) bool {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return transientCode(server.Code)
	}
	_, onTheWay := errors.AsType[net.Error](err)
	return onTheWay || pgconn.SafeToRetry(err) || pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func transientCode(code string) bool {
	const (
		connection   = "08"
		idle         = "25P03"
		rollback     = "40"
		resources    = "53"
		locked       = "55P03"
		intervention = "57"
		system       = "58"
	)
	for _, class := range []string{connection, idle, rollback, resources, locked, intervention, system} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}
