package mongo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const (
	lockTimeout        = 24
	maxTimeExpired     = 50
	writeConflict      = 112
	snapshotTooOld     = 246
	namespaceNotFound  = 26
	indexNotFound      = 27
	namespaceExists    = 48
	networkError       = "NetworkError"
	transientInUnit    = "TransientTransactionError"
	unknownCommit      = "UnknownTransactionCommitResult"
	retryableWriteText = "RetryableWriteError"
)

func classify(ctx context.Context, err error) error {
	_, noServer := errors.AsType[topology.ServerSelectionError](err)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, failure.ErrUnavailable):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	case hasCode(err, maxTimeExpired):
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	case noServer:
		return fmt.Errorf("%w: %s", failure.ErrUnavailable, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return err
	case Transient(err):
		return fmt.Errorf("%w: %w", failure.ErrUnavailable, err)
	default:
		return err
	}
}

func hasCode(err error, codes ...int) bool {
	server, known := errors.AsType[driver.ServerError](err)
	return known && slices.ContainsFunc(codes, server.HasErrorCode)
}

func conflicts(err error) bool {
	return hasCode(err, writeConflict, lockTimeout, snapshotTooOld)
}

// Transient tells a failure of the server or of the way to it, which may pass, from an answer, such as a broken rule of
// the schema, which stays the same however often it is asked for.
func Transient(err error) bool {
	if server, known := errors.AsType[driver.ServerError](err); known {
		return slices.ContainsFunc([]string{networkError, transientInUnit, unknownCommit, retryableWriteText}, server.HasErrorLabel) ||
			slices.ContainsFunc(transientCodes(), server.HasErrorCode)
	}
	_, onTheWay := errors.AsType[net.Error](err)
	_, connecting := errors.AsType[topology.ConnectionError](err)
	_, noServer := errors.AsType[topology.ServerSelectionError](err)
	return onTheWay || connecting || noServer || driver.IsTimeout(err) || driver.IsNetworkError(err) ||
		errors.Is(err, failure.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func transientCodes() []int {
	const (
		hostUnreachable     = 6
		hostNotFound        = 7
		networkTimeout      = 89
		shutdown            = 91
		writeConcernTimeout = 64
		steppedDown         = 189
		exceededTime        = 262
		socket              = 9001
		notPrimary          = 10107
		interruptedShutdown = 11600
		interruptedChange   = 11602
		notPrimaryNoRetry   = 13435
		notPrimaryOrOther   = 13436
	)
	return []int{
		hostUnreachable, hostNotFound, networkTimeout, shutdown, writeConcernTimeout, steppedDown, exceededTime, socket,
		notPrimary, interruptedShutdown, interruptedChange, notPrimaryNoRetry, notPrimaryOrOther,
		writeConflict, lockTimeout, snapshotTooOld, maxTimeExpired,
	}
}
