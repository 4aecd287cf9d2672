package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"{{ cookiecutter.__go_module }}/migrations"
)

var (
	ErrSchemaBehind = errors.New("database schema is behind this version; run the migrate process first (make run-migrate)")
	ErrSchemaAhead  = errors.New("database schema has dropped what this version still reads; deploy a newer version")
)

const readSchema = `SELECT version, name, oldest_build, finished_at IS NOT NULL FROM migration_ledger ORDER BY version`

type schemaRow struct {
	Version     int64
	Name        string
	OldestBuild int64
	Finished    bool
}

func (s *Store) requireSchema(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	wanted, err := readFiles(migrations.Files)
	if err != nil {
		return err
	}
	found, err := s.readSchema(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", classify(err))
	}
	return judge(wanted, found)
}

func (s *Store) readSchema(ctx context.Context) ([]schemaRow, error) {
	rows, err := s.pool.Query(ctx, readSchema)
	if hasCode(err, undefinedTable) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("query ledger: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[schemaRow])
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return found, nil
}

func judge(wanted []migrationFile, found []schemaRow) error {
	finished := make(map[int64]bool, len(found))
	var newest int64
	for _, row := range found {
		finished[row.Version] = row.Finished
	}
	for _, file := range wanted {
		newest = max(newest, file.version)
		done, begun := finished[file.version]
		switch {
		case begun && !done:
			return fmt.Errorf("%w: %s began and did not finish; migrate repeats it", ErrSchemaBehind, file.name)
		case !begun:
			return fmt.Errorf("%w: %s is not applied", ErrSchemaBehind, file.name)
		}
	}
	for _, row := range found {
		if row.OldestBuild > newest {
			return fmt.Errorf("%w: %s wants a build that knows migration %d, this one knows %d", ErrSchemaAhead, row.Name, row.OldestBuild, newest)
		}
	}
	return nil
}
