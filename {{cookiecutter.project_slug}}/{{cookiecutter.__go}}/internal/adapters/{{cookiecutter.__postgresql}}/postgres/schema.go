package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
	"{{ cookiecutter.__go_module }}/migrations"
)

const readSchema = `SELECT version, name, oldest_build, finished_at FROM migration_ledger ORDER BY version`

func (s *Store) requireSchema(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	wanted, err := schema.Read(migrations.Files, ".sql", oldestBuild)
	if err != nil {
		return err
	}
	found, err := s.readSchema(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", classify(err))
	}
	return schema.Judge(wanted, found)
}

func (s *Store) readSchema(ctx context.Context) (map[int64]schema.Row, error) {
	rows, err := s.pool.Query(ctx, readSchema)
	if hasCode(err, undefinedTable) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("query ledger: %w", err)
	}
	found := map[int64]schema.Row{}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (schema.Row, error) {
		var one schema.Row
		var finishedAt sql.NullTime
		if err := row.Scan(&one.Version, &one.Name, &one.OldestBuild, &finishedAt); err != nil {
			return schema.Row{}, fmt.Errorf("read row: %w", err)
		}
		one.FinishedAt = finishedAt.Time
		found[one.Version] = one
		return one, nil
	})
	if hasCode(err, undefinedTable) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return found, nil
}
