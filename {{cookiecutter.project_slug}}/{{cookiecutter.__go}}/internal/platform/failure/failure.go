// Package failure names what goes wrong outside of the domain, so that one place maps it to an answer.
package failure

import "errors"

var (
	// ErrUnavailable says that what a call depends on cannot be reached now; the same call may work later.
	ErrUnavailable = errors.New("cannot be reached now")
	// ErrDuplicate says that the identity of what was to be added is taken.
	ErrDuplicate = errors.New("exists already")
)
