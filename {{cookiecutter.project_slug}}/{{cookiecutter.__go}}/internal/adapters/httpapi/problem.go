package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
)

type busyError interface {
	error
	RetryAfter() time.Duration
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem := problemFor(err)
	if problem.Status >= http.StatusInternalServerError {
		a.logger.ErrorContext(r.Context(), "Failed to serve request", "error", err)
	}
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter(err))
	}
	httpserver.WriteProblem(w, problem)
}

func problemFor(err error) httpserver.Problem {
	var request *requestError
	var invalid *order.ValidationError
	var busy busyError
	var network net.Error
	switch {
	case errors.As(err, &request):
		return httpserver.NewProblem(request.status, request.detail)
	case errors.As(err, &invalid):
		problem := httpserver.NewProblem(http.StatusUnprocessableEntity, "the order breaks a rule")
		for _, violation := range invalid.Violations {
			problem.Errors = append(problem.Errors, httpserver.ProblemField(violation))
		}
		return problem
	case errors.Is(err, order.ErrIdempotencyConflict):
		return httpserver.NewProblem(http.StatusUnprocessableEntity, order.ErrIdempotencyConflict.Error())
	case errors.Is(err, order.ErrNotFound):
		return httpserver.NewProblem(http.StatusNotFound, order.ErrNotFound.Error())
	case isBadInput(err):
		return httpserver.NewProblem(http.StatusBadRequest, err.Error())
	case errors.As(err, &busy):
		return httpserver.NewProblem(http.StatusServiceUnavailable, "a part of the service does not answer; try again later")
	case errors.Is(err, failure.ErrUnavailable):
		return httpserver.NewProblem(http.StatusServiceUnavailable, "orders cannot be reached now; try again")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return httpserver.NewProblem(http.StatusServiceUnavailable, "the request took too long; try again")
	case errors.As(err, &network):
		return httpserver.NewProblem(http.StatusRequestTimeout, "the request did not arrive in time")
	default:
		return httpserver.NewProblem(http.StatusInternalServerError, "the request could not be served")
	}
}

func retryAfter(err error) string {
	const second = int64(time.Second)
	var busy busyError
	if !errors.As(err, &busy) {
		return "1"
	}
	return strconv.FormatInt(max(1, (int64(busy.RetryAfter())+second-1)/second), 10)
}

func isBadInput(err error) bool {
	for _, known := range []error{order.ErrInvalidID, order.ErrInvalidCursor, order.ErrInvalidLimit, order.ErrInvalidDay} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
