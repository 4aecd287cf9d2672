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

type route struct {
	pattern string
	serve   func(w http.ResponseWriter, r *http.Request) error
}

func (a *API) routes() []route {
	return []route{
		{"POST /v1/orders", a.placeOrder},
		{"GET /v1/orders", a.listOrders},
		{"GET /v1/orders/{id}", a.getOrder},
		{"GET /v1/summaries/daily", a.dailySummary},
	}
}

// Patterns are the routes of the API, as api/openapi.yaml must describe them.
func Patterns() []string {
	var found []string
	for _, one := range (&API{}).routes() {
		found = append(found, one.pattern)
	}
	return found
}

func New(application app.Application, logger *slog.Logger) *http.ServeMux {
	api := &API{app: application, logger: logger}
	mux := http.NewServeMux()
	for _, one := range api.routes() {
		mux.HandleFunc(one.pattern, api.handle(one.serve))
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
