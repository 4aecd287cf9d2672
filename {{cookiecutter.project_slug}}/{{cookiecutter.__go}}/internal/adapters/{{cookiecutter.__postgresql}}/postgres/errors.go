package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const (
	uniqueViolation  = "23505"
	undefinedTable   = "42P01"
	lockNotAvailable = "55P03"
	queryCanceled    = "57014"
)

func classify(err error) error {
	var connecting *pgconn.ConnectError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case hasCode(err, queryCanceled):
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	case Transient(err), errors.As(err, &connecting):
		return fmt.Errorf("%w: %w", failure.ErrUnavailable, err)
	default:
		return err
	}
}

func hasCode(err error, code string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == code
}

func notFound(err error) bool {
	return errors.Is(err, pgx.ErrNoRows)
}
