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

func New(application app.Application, logger *slog.Logger) *http.ServeMux {
	api := &API{app: application, logger: logger}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/orders", api.handle(api.placeOrder))
	mux.HandleFunc("GET /v1/orders", api.handle(api.listOrders))
	mux.HandleFunc("GET /v1/orders/{id}", api.handle(api.getOrder))
	mux.HandleFunc("GET /v1/summaries/daily", api.handle(api.dailySummary))
	return mux
}

func (a *API) handle(next func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := next(w, r); err != nil {
			a.fail(w, r, err)
		}
	}
}
