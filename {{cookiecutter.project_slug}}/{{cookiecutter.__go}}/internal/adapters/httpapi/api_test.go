package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/httpapi"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/auth"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const body = `{"customer_id":"c-1","items":[{"sku":"KEEL-1","quantity":2,"unit_price_cents":1250}]}`

func newHandler(tb testing.TB, orders order.Repository, summaries app.Summaries) http.Handler {
	tb.Helper()
	measured, err := telemetry.New(tb.Context(), telemetry.Settings{Service: telemetry.Service{Name: "test"}})
	if err != nil {
		tb.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	application := app.New(app.Dependencies{
		Orders: orders, Summaries: summaries, Metrics: measured, Tracer: measured, Logger: logger,
		Clock: time.Now, IdempotencyTTL: time.Hour, Timeout: time.Second,
	})
	return httpserver.Wrap(httpapi.New(application, auth.Open(logger), logger), httpserver.Options{
		Observer: measured.Requests(), Logger: logger, RequestTimeout: time.Second, MaxBodyBytes: 4096,
	})
}

func inMemory(tb testing.TB) http.Handler {
	tb.Helper()
	store := memory.New()
	return newHandler(tb, store, store)
}

func send(handler http.Handler, method, target, content string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, strings.NewReader(content))
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

func TestPlaceAndReadBack(t *testing.T) {
	t.Parallel()
	handler := inMemory(t)

	placed := send(handler, http.MethodPost, "/v1/orders", body)
	found := send(handler, http.MethodGet, placed.Header().Get("Location"), "")
	listed := send(handler, http.MethodGet, "/v1/orders?limit=1", "")

	if placed.Code != http.StatusCreated || found.Code != http.StatusOK || listed.Code != http.StatusOK {
		t.Fatalf("got %d, %d, %d", placed.Code, found.Code, listed.Code)
	}
	if placed.Body.String() != found.Body.String() || !strings.Contains(placed.Body.String(), `"total_cents":2500`) {
		t.Errorf("placed %s, found %s", placed.Body, found.Body)
	}
	if !strings.Contains(listed.Body.String(), strings.TrimSpace(placed.Body.String())) {
		t.Errorf("listed %s", listed.Body)
	}
}

func TestIdempotencyKeyRepeatsTheAnswer(t *testing.T) {
	t.Parallel()
	handler := inMemory(t)

	first := send(handler, http.MethodPost, "/v1/orders", body, "Idempotency-Key", "k-1")
	second := send(handler, http.MethodPost, "/v1/orders", body, "Idempotency-Key", "k-1")
	other := send(handler, http.MethodPost, "/v1/orders", strings.Replace(body, "2", "3", 1), "Idempotency-Key", "k-1")

	if first.Code != second.Code || first.Body.String() != second.Body.String() || second.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %d %s, second %d %s", first.Code, first.Body, second.Code, second.Body)
	}
	if other.Code != http.StatusUnprocessableEntity {
		t.Errorf("another body got %d", other.Code)
	}
}

func TestClientErrorsNameTheirCause(t *testing.T) {
	t.Parallel()
	handler := inMemory(t)
	tests := map[string]struct {
		method, target, content string
		header                  []string
		status                  int
		cause                   string
	}{
		"empty body":        {"POST", "/v1/orders", "", nil, 400, "body: is empty"},
		"cut body":          {"POST", "/v1/orders", "{", nil, 400, "ends too early"},
		"no json":           {"POST", "/v1/orders", "nope", nil, 400, "no JSON at byte"},
		"array":             {"POST", "/v1/orders", "[]", nil, 400, "want an object"},
		"items no array":    {"POST", "/v1/orders", `{"items":1}`, nil, 400, "items: is a JSON number, want an array"},
		"wrong type":        {"POST", "/v1/orders", `{"customer_id":1}`, nil, 400, "customer_id: is a JSON number, want a string"},
		"fraction":          {"POST", "/v1/orders", `{"items":[{"quantity":1.5}]}`, nil, 400, "want a whole number"},
		"unknown field":     {"POST", "/v1/orders", `{"x":1}`, nil, 400, `unknown field "x"`},
		"two objects":       {"POST", "/v1/orders", body + body, nil, 400, "nothing after it"},
		"too large":         {"POST", "/v1/orders", strings.Repeat(" ", 5000), nil, 413, "larger than 4096 bytes"},
		"too large behind":  {"POST", "/v1/orders", body + strings.Repeat(" ", 5000), nil, 413, "larger than 4096 bytes"},
		"media type":        {"POST", "/v1/orders", body, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		"another charset":   {"POST", "/v1/orders", body, []string{"Content-Type", "application/json; charset=utf-16"}, 415, "UTF-8"},
		"compressed":        {"POST", "/v1/orders", body, []string{"Content-Encoding", "gzip"}, 415, "Content-Encoding"},
		"missing price":     {"POST", "/v1/orders", `{"customer_id":"c","items":[{"sku":"A","quantity":1}]}`, nil, 400, "items[0].unit_price_cents: is missing"},
		"null price":        {"POST", "/v1/orders", `{"customer_id":"c","items":[{"sku":"A","quantity":1,"unit_price_cents":null}]}`, nil, 400, "items[0].unit_price_cents: is null"},
		"missing items":     {"POST", "/v1/orders", `{"customer_id":"c"}`, nil, 400, "items: is missing"},
		"null":              {"POST", "/v1/orders", "null", nil, 400, "body: is null"},
		"given twice":       {"POST", "/v1/orders", `{"customer_id":"c","customer_id":"d","items":[]}`, nil, 400, "customer_id: is given twice"},
		"other letters":     {"POST", "/v1/orders", `{"Customer_ID":"c","items":[]}`, nil, 400, `unknown field "Customer_ID"`},
		"letters below":     {"POST", "/v1/orders", `{"customer_id":"c","items":[{"SKU":"A","quantity":1,"unit_price_cents":1}]}`, nil, 400, `unknown field "items[0].SKU"`},
		"rules":             {"POST", "/v1/orders", `{"customer_id":"","items":[]}`, nil, 422, `"field":"customer_id"`},
		"key with space":    {"POST", "/v1/orders", body, []string{"Idempotency-Key", "a b"}, 400, "Idempotency-Key"},
		"key too long":      {"POST", "/v1/orders", body, []string{"Idempotency-Key", strings.Repeat("k", 129)}, 400, "Idempotency-Key"},
		"limit zero":        {"GET", "/v1/orders?limit=0", "", nil, 400, "from 1 to 100"},
		"limit huge":        {"GET", "/v1/orders?limit=101", "", nil, 400, "from 1 to 100"},
		"limit empty":       {"GET", "/v1/orders?limit=", "", nil, 400, "limit: is empty"},
		"cursor empty":      {"GET", "/v1/orders?cursor", "", nil, 400, "cursor: is empty"},
		"limit twice":       {"GET", "/v1/orders?limit=1&limit=2", "", nil, 400, "given 2 times"},
		"cursor":            {"GET", "/v1/orders?cursor=zz", "", nil, 400, "invalid cursor"},
		"unknown parameter": {"GET", "/v1/orders?page=2", "", nil, 400, "unknown parameter"},
		"malformed query":   {"GET", "/v1/orders?limit=%zz", "", nil, 400, "query: is malformed"},
		"strange id":        {"GET", "/v1/orders/abc", "", nil, 400, "invalid order id"},
		"unknown id":        {"GET", "/v1/orders/019ff000-0000-7000-8000-000000000000", "", nil, 404, "order not found"},
		"no date":           {"GET", "/v1/summaries/daily", "", nil, 400, "want YYYY-MM-DD"},
		"no such day":       {"GET", "/v1/summaries/daily?date=2026-02-30", "", nil, 400, "want YYYY-MM-DD"},
		"unknown path":      {"GET", "/nope", "", nil, 404, "nothing at this path"},
		"unclean path":      {"GET", "/v1//orders", "", nil, 404, "nothing at this path"},
		"wrong method":      {"DELETE", "/v1/orders", "", nil, 405, "this path allows GET, HEAD, POST"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			answer := send(handler, test.method, test.target, test.content, test.header...)

			var problem httpserver.Problem
			if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
				t.Fatalf("no problem document: %s", answer.Body)
			}
			if answer.Code != test.status || problem.Status != test.status || answer.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %s, want %d", answer.Code, answer.Header().Get("Content-Type"), test.status)
			}
			plain := strings.ReplaceAll(answer.Body.String(), `\"`, `"`)
			if !strings.Contains(plain, test.cause) {
				t.Errorf("%s does not name %q", plain, test.cause)
			}
		})
	}
}

type brokenStore struct {
	*memory.Store

	err error
}

func (b brokenStore) Add(context.Context, order.Placement) (order.Order, bool, error) {
	return order.Order{}, false, b.err
}

func (b brokenStore) Daily(context.Context, order.Day) (order.DailySummary, error) {
	panic(b.err)
}

func TestFailuresOfOursTellNothingInside(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err    error
		status int
	}{
		"failure": {errors.New("secret detail"), http.StatusInternalServerError},
		"timeout": {context.DeadlineExceeded, http.StatusServiceUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := brokenStore{memory.New(), test.err}
			handler := newHandler(t, store, store)

			failed := send(handler, http.MethodPost, "/v1/orders", body)
			panicked := send(handler, http.MethodGet, "/v1/summaries/daily?date=2026-11-20", "")

			if failed.Code != test.status || strings.Contains(failed.Body.String(), test.err.Error()) {
				t.Errorf("got %d %s", failed.Code, failed.Body)
			}
			if panicked.Code != http.StatusInternalServerError || strings.Contains(panicked.Body.String(), "secret") {
				t.Errorf("a panic gave %d %s", panicked.Code, panicked.Body)
			}
		})
	}
}

func described(t *testing.T) (operations map[string]string, callers bool) {
	t.Helper()
	content, err := os.ReadFile("../../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var path, operation string
	found := map[string]string{}
	pathLine, methodLine := regexp.MustCompile(`^  (/\S+):\n`), regexp.MustCompile(`^    (get|put|post|patch|delete|head|options):\n`)
	scopeLine := regexp.MustCompile(`^        - bearer: \[(\S+)\]\n`)
	for line := range strings.Lines(string(content)) {
		if match := pathLine.FindStringSubmatch(line); match != nil {
			path = match[1]
		}
		if match := methodLine.FindStringSubmatch(line); match != nil {
			operation = strings.ToUpper(match[1]) + " " + path
			found[operation] = ""
		}
		if match := scopeLine.FindStringSubmatch(line); match != nil {
			found[operation] = match[1]
		}
	}
	return found, strings.Contains(string(content), "\n  securitySchemes:\n")
}

func TestTheRoutesAndTheirScopesAreThoseOfTheContract(t *testing.T) {
	t.Parallel()

	contract, stated := described(t)

	same := func(a, b string) bool { return a == b || !stated }
	if served := httpapi.Patterns(); !maps.EqualFunc(contract, served, same) {
		t.Errorf("described are %q, served are %q", contract, served)
	}
}

func TestAContentTypeMayNameItsEncoding(t *testing.T) {
	t.Parallel()
	handler := inMemory(t)

	answer := send(handler, http.MethodPost, "/v1/orders", body, "Content-Type", "application/json; charset=UTF-8")

	if answer.Code != http.StatusCreated {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
}

func FuzzPlaceOrder(f *testing.F) {
	f.Add(body, "k")
	f.Add(`{"customer_id":"c","items":[{"sku":"A","quantity":99999999999999999999}]}`, "")
	f.Add("\x00", "\x7f")
	handler := inMemory(f)
	f.Fuzz(func(t *testing.T, content, key string) {
		answer := send(handler, http.MethodPost, "/v1/orders", content, "Idempotency-Key", key)

		if answer.Code >= http.StatusInternalServerError {
			t.Errorf("got %d for %q", answer.Code, content)
		}
	})
}
