package httpapi

import (
	"net/http"
	"time"

	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/httpserver"
)

const maxIdempotencyKey = 128

type itemBody struct {
	SKU            string `json:"sku"`
	Quantity       int64  `json:"quantity"`
	UnitPriceCents int64  `json:"unit_price_cents"`
}

type placeOrderBody struct {
	CustomerID string     `json:"customer_id"`
	Items      []itemBody `json:"items"`
}

type orderBody struct {
	ID         string     `json:"id"`
	CustomerID string     `json:"customer_id"`
	Status     string     `json:"status"`
	Items      []itemBody `json:"items"`
	TotalCents int64      `json:"total_cents"`
	CreatedAt  string     `json:"created_at"`
}

type orderPageBody struct {
	Orders     []orderBody `json:"orders"`
	NextCursor string      `json:"next_cursor"`
}

type dailySummaryBody struct {
	Date         string `json:"date"`
	Orders       int64  `json:"orders"`
	RevenueCents int64  `json:"revenue_cents"`
}

func (a *API) placeOrder(w http.ResponseWriter, r *http.Request) error {
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	var body placeOrderBody
	if err := decode(r, &body); err != nil {
		return err
	}
	result, err := a.app.PlaceOrder(r.Context(), app.PlaceOrder{Draft: toDraft(body), IdempotencyKey: key})
	if err != nil {
		return err
	}
	answer := fromOrder(result.Order)
	w.Header().Set("Location", "/v1/orders/"+answer.ID)
	if result.Replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	httpserver.WriteJSON(w, http.StatusCreated, answer)
	return nil
}

func (a *API) getOrder(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	id, err := order.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	found, err := a.app.GetOrder(r.Context(), id)
	if err != nil {
		return err
	}
	httpserver.WriteJSON(w, http.StatusOK, fromOrder(found))
	return nil
}

func (a *API) listOrders(w http.ResponseWriter, r *http.Request) error {
	query, err := parameters(r, "limit", "cursor")
	if err != nil {
		return err
	}
	page, err := order.ParsePage(query["limit"], query["cursor"])
	if err != nil {
		return err
	}
	found, err := a.app.ListOrders(r.Context(), page)
	if err != nil {
		return err
	}
	answer := orderPageBody{Orders: make([]orderBody, 0, len(found.Orders)), NextCursor: found.NextCursor}
	for _, one := range found.Orders {
		answer.Orders = append(answer.Orders, fromOrder(one))
	}
	httpserver.WriteJSON(w, http.StatusOK, answer)
	return nil
}

func (a *API) dailySummary(w http.ResponseWriter, r *http.Request) error {
	query, err := parameters(r, "date")
	if err != nil {
		return err
	}
	day, err := order.ParseDay(query["date"])
	if err != nil {
		return err
	}
	summary, err := a.app.DailySummary(r.Context(), day)
	if err != nil {
		return err
	}
	httpserver.WriteJSON(w, http.StatusOK, dailySummaryBody{
		Date: string(summary.Day), Orders: summary.Orders, RevenueCents: summary.RevenueCents,
	})
	return nil
}

func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey {
		return "", badRequest("Idempotency-Key: want one value of 1 to %d characters", maxIdempotencyKey)
	}
	for _, c := range []byte(key) {
		if c < '!' || c > '~' {
			return "", badRequest("Idempotency-Key: want visible ASCII characters only")
		}
	}
	return key, nil
}

func parameters(r *http.Request, known ...string) (map[string]string, error) {
	if r.URL.RawQuery == "" {
		return map[string]string{}, nil
	}
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	found := make(map[string]string, len(known))
	for _, name := range known {
		if len(query[name]) > 1 {
			return nil, badRequest("%s: given %d times, want once", name, len(query[name]))
		}
		if query.Has(name) && query.Get(name) == "" {
			return nil, badRequest("%s: is empty", name)
		}
		found[name] = query.Get(name)
		query.Del(name)
	}
	for name := range query {
		return nil, badRequest("%q: unknown parameter", name)
	}
	return found, nil
}

func toDraft(body placeOrderBody) order.Draft {
	items := make([]order.Item, 0, len(body.Items))
	for _, item := range body.Items {
		items = append(items, order.Item(item))
	}
	return order.Draft{CustomerID: body.CustomerID, Items: items}
}

func fromOrder(placed order.Order) orderBody {
	state := placed.Snapshot()
	items := make([]itemBody, 0, len(state.Items))
	for _, item := range state.Items {
		items = append(items, itemBody(item))
	}
	return orderBody{
		ID:         string(state.ID),
		CustomerID: state.CustomerID,
		Status:     string(state.Status),
		Items:      items,
		TotalCents: state.TotalCents,
		CreatedAt:  state.CreatedAt.Format(time.RFC3339Nano),
	}
}
