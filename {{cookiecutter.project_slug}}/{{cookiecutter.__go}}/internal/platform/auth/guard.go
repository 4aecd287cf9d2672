package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
)

const (
	nobody       = "anonymous"
	shownSubject = 8
)

type Guard struct {
	verifier *Verifier
	logger   *slog.Logger
}

func NewGuard(verifier *Verifier, logger *slog.Logger) *Guard {
	return &Guard{verifier: verifier, logger: logger}
}

// Open is a guard that asks nobody who they are.
func Open(logger *slog.Logger) *Guard {
	return &Guard{logger: logger}
}

// Require lets a request through when its bearer token is valid and grants the scope. What changes something is audited,
// refused or not.
func (g *Guard) Require(scope string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, refusal := g.admit(r, scope)
		identify(r.Context(), caller)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			audited := &statusWriter{ResponseWriter: w, status: http.StatusOK}
			defer g.audit(r, caller, audited)
			w = audited
		}
		if refusal != nil {
			g.refuse(w, r, scope, refusal)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func identify(ctx context.Context, caller Caller) {
	if span := trace.SpanFromContext(ctx); caller.Subject != "" && span.IsRecording() {
		span.SetAttributes(attribute.String("user.hash", Pseudonym(caller.Subject)))
	}
}

var errForbidden = errors.New("the token does not grant the scope")

func (g *Guard) admit(r *http.Request, scope string) (Caller, error) {
	if g.verifier == nil {
		return Caller{}, nil
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return Caller{}, ErrUnauthenticated
	}
	caller, err := g.verifier.Verify(r.Context(), token)
	if err == nil && !caller.May(scope) {
		return caller, errForbidden
	}
	return caller, err
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, scope string, refusal error) {
	switch {
	case errors.Is(refusal, errForbidden):
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
		httpserver.WriteProblem(w, httpserver.NewProblem(http.StatusForbidden, "the token does not grant the scope "+scope))
	case errors.Is(refusal, ErrUnauthenticated):
		g.logger.InfoContext(r.Context(), "Failed to authenticate caller", "error", refusal)
		w.Header().Set("WWW-Authenticate", challenge(r))
		httpserver.WriteProblem(w, httpserver.NewProblem(http.StatusUnauthorized, "a valid bearer token is needed"))
	default:
		g.logger.ErrorContext(r.Context(), "Failed to authenticate caller", "error", refusal)
		w.Header().Set("Retry-After", "5")
		httpserver.WriteProblem(w, httpserver.NewProblem(http.StatusServiceUnavailable, "callers cannot be told apart now; try again"))
	}
}

func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return "Bearer"
	}
	return `Bearer error="invalid_token"`
}

func (g *Guard) audit(r *http.Request, caller Caller, answer *statusWriter) {
	g.logger.InfoContext(context.WithoutCancel(r.Context()), "Write audited",
		"caller", Pseudonym(caller.Subject),
		"method", r.Method,
		"path", r.URL.Path,
		"status", answer.status,
		"resource", answer.Header().Get("Location"),
	)
}

// Pseudonym stands for a subject in logs and spans: the same for the same one, and without its name.
func Pseudonym(subject string) string {
	if subject == "" {
		return nobody
	}
	sum := sha256.Sum256([]byte(subject))
	return hex.EncodeToString(sum[:shownSubject])
}

type statusWriter struct {
	http.ResponseWriter

	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Unwrap() http.ResponseWriter {
	return s.ResponseWriter
}
