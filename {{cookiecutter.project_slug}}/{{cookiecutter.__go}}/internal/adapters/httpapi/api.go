package httpapi

import (
	"log/slog"
	"net/http"

	"{{ cookiecutter.__go_module }}/internal/app"
)

type API struct {
	app    app.Application
	logger *slog.Logger
}

const (
	readOrders  = "orders:read"
	writeOrders = "orders:write"
)

// Guard lets a request through to next when its caller holds the scope.
type Guard interface {
	Require(scope string, next http.Handler) http.Handler
}

type route struct {
	pattern string
	scope   string
	serve   func(w http.ResponseWriter, r *http.Request) error
}

func (a *API) routes() []route {
	return []route{
		{"POST /v1/orders", writeOrders, a.placeOrder},
		{"GET /v1/orders", readOrders, a.listOrders},
		{"GET /v1/orders/{id}", readOrders, a.getOrder},
		{"GET /v1/summaries/daily", readOrders, a.dailySummary},
	}
}

// Patterns are the routes of the API with the scope that each needs, as api/openapi.yaml must describe them.
func Patterns() map[string]string {
	found := map[string]string{}
	for _, one := range (&API{}).routes() {
		found[one.pattern] = one.scope
	}
	return found
}

func New(application app.Application, guard Guard, logger *slog.Logger) *http.ServeMux {
	api := &API{app: application, logger: logger}
	mux := http.NewServeMux()
	for _, one := range api.routes() {
		mux.Handle(one.pattern, guard.Require(one.scope, api.handle(one.serve)))
	}
	return mux
}

func (a *API) handle(next func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := next(w, r); err != nil {
			a.fail(w, r, err)
		}
	}
}
