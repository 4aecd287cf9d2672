package order

import (
	"errors"
	"fmt"
	"strings"
)

var (
	ErrNotFound            = errors.New("order not found")
	ErrIdempotencyConflict = errors.New("idempotency key was used with another request")
	ErrInvalidID           = errors.New("invalid order id")
	ErrInvalidCursor       = errors.New("invalid cursor")
	ErrInvalidLimit        = errors.New("invalid limit")
	ErrInvalidDay          = errors.New("invalid date")
)

type Violation struct {
	Field  string
	Detail string
}

type ValidationError struct {
	Violations []Violation
}

func (e *ValidationError) Error() string {
	parts := make([]string, 0, len(e.Violations))
	for _, violation := range e.Violations {
		parts = append(parts, violation.Field+": "+violation.Detail)
	}
	return "invalid order: " + strings.Join(parts, "; ")
}

func (e *ValidationError) add(field, format string, args ...any) {
	e.Violations = append(e.Violations, Violation{Field: field, Detail: fmt.Sprintf(format, args...)})
}

func (e *ValidationError) orNil() error {
	if len(e.Violations) == 0 {
		return nil
	}
	return e
}
