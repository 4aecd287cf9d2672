// Command bare is the limit that a Go service can reach: net/http and encoding/json, and nothing between them. It serves
// one order on the first address; on the second it tells its memory, and takes what others export.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"sync"
)

type item struct {
	SKU            string `json:"sku"`
	Quantity       int64  `json:"quantity"`
	UnitPriceCents int64  `json:"unit_price_cents"`
}

type order struct {
	ID         string `json:"id"`
	CustomerID string `json:"customer_id"`
	Status     string `json:"status"`
	Items      []item `json:"items"`
	TotalCents int64  `json:"total_cents"`
	CreatedAt  string `json:"created_at"`
}

func public() http.Handler {
	var mutex sync.Mutex
	orders := map[string]order{"4711": {
		ID: "01a1fd2f-652f-7ba5-b6d5-079effe830f8", CustomerID: "c-1", Status: "placed",
		Items: []item{{"KEEL-1", 2, 1250}}, TotalCents: 2500, CreatedAt: "2026-11-21T08:18:24.175648Z",
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		found, known := orders[r.PathValue("id")]
		mutex.Unlock()
		if !known {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(found)
	})
	return mux
}

func admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		fmt.Fprintf(w, "go_memstats_mallocs_total %d\n", memory.Mallocs)
	})
	mux.HandleFunc("POST /v1/", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})
	return mux
}

func main() {
	go func() { log.Fatal(http.ListenAndServe(os.Args[2], admin())) }()
	log.Fatal(http.ListenAndServe(os.Args[1], public()))
}
