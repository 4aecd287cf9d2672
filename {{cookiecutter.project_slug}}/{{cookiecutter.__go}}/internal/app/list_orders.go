package app

import (
	"context"
	"fmt"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type OrderPage struct {
	Orders     []order.Order
	NextCursor string
}

func (d Dependencies) listOrders(ctx context.Context, page order.Page) (OrderPage, error) {
	probe := page
	probe.Limit = page.Limit + 1
	orders, err := d.Orders.List(ctx, probe)
	if err != nil {
		return OrderPage{}, fmt.Errorf("list orders: %w", err)
	}
	if len(orders) <= page.Limit {
		return OrderPage{Orders: orders}, nil
	}
	orders = orders[:page.Limit]
	return OrderPage{Orders: orders, NextCursor: order.Cursor(orders[page.Limit-1].ID())}, nil
}
