package planted

import (
	"context"
	"database/sql"
	"fmt"
)

func Open(ctx context.Context, database *sql.DB) (int, error) {
	rows, err := database.QueryContext(ctx, "SELECT * FROM orders")
	if err != nil {
		return 0, fmt.Errorf("query: %w", err)
	}
	count := 0
	for rows.Next() {
		count++
	}
	return count, nil
}
