package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"

	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
)

const (
	createLedger = `CREATE TABLE IF NOT EXISTS migration_ledger (
    version bigint PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    oldest_build bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
)`
	beginMigration = `INSERT INTO migration_ledger (version, name, checksum, oldest_build) VALUES ($1, $2, $3, $4)
ON CONFLICT (version) DO UPDATE SET name = excluded.name, checksum = excluded.checksum, oldest_build = excluded.oldest_build, began_at = now()
WHERE migration_ledger.finished_at IS NULL`
	finishMigration = `UPDATE migration_ledger SET finished_at = now() WHERE version = $1 AND finished_at IS NULL`
	forgetMigration = `DELETE FROM migration_ledger WHERE version = $1`
	readLedger      = `SELECT version, name, checksum, oldest_build, finished_at FROM migration_ledger ORDER BY version`
)

func oldestBuild(text []byte) (int64, error) {
	contract := regexp.MustCompile(`(?m)^-- oldest build: ([0-9]+)\r?$`).FindSubmatch(text)
	if contract == nil {
		return 0, nil
	}
	version, err := strconv.ParseInt(string(contract[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse oldest build: %w", err)
	}
	return version, nil
}

type ledger struct {
	database *sql.DB
}

func (l ledger) read(ctx context.Context) (map[int64]schema.Row, error) {
	rows, err := l.database.QueryContext(ctx, readLedger)
	if hasCode(err, undefinedTable) {
		return map[int64]schema.Row{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	defer func() { _ = rows.Close() }()
	found := map[int64]schema.Row{}
	for rows.Next() {
		var one schema.Row
		var finishedAt sql.NullTime
		if err := rows.Scan(&one.Version, &one.Name, &one.Checksum, &one.OldestBuild, &finishedAt); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		one.FinishedAt = finishedAt.Time
		found[one.Version] = one
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return found, nil
}

func (l ledger) exec(ctx context.Context, what, statement string, arguments ...any) error {
	if _, err := l.database.ExecContext(ctx, statement, arguments...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (l ledger) begin(ctx context.Context, one schema.File) error {
	return l.exec(ctx, "begin migration", beginMigration, one.Version, one.Name, one.Checksum, one.OldestBuild)
}

func (l ledger) finish(ctx context.Context, version int64) error {
	return l.exec(ctx, "finish migration", finishMigration, version)
}

func (l ledger) forget(ctx context.Context, version int64) error {
	return l.exec(ctx, "forget migration", forgetMigration, version)
}
