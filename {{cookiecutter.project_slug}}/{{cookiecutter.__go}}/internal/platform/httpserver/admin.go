package httpserver

import (
	"net/http"
	"net/http/pprof"

	"{{ cookiecutter.__go_module }}/internal/platform/health"
)

type About struct {
	Service  string `json:"service"`
	Process  string `json:"process"`
	Version  string `json:"version"`
	Revision string `json:"revision"`
}

func Admin(state *health.State, metrics http.Handler, about About, profiling bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", state.Live)
	mux.HandleFunc("GET /readyz", state.Readiness)
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, about)
	})
	if profiling {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}
