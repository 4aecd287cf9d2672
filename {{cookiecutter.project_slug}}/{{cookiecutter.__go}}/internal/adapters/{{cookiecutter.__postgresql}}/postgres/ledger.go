package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"time"
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

type migrationFile struct {
	version     int64
	name        string
	checksum    string
	oldestBuild int64
}

type ledgerRow struct {
	migrationFile

	finishedAt sql.NullTime
}

func readFiles(files fs.FS) ([]migrationFile, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	found := make([]migrationFile, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		one, err := parseFile(path.Base(name), text)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		found = append(found, one)
	}
	return found, nil
}

func parseFile(name string, text []byte) (migrationFile, error) {
	number := regexp.MustCompile(`^([0-9]+)_`).FindStringSubmatch(name)
	if number == nil {
		return migrationFile{}, errors.New("name has no number, want for example 00002_add_channel.sql")
	}
	version, err := strconv.ParseInt(number[1], 10, 64)
	if err != nil {
		return migrationFile{}, fmt.Errorf("parse number: %w", err)
	}
	sum := sha256.Sum256(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	one := migrationFile{version: version, name: name, checksum: hex.EncodeToString(sum[:])}
	if contract := regexp.MustCompile(`(?m)^-- oldest build: ([0-9]+)\r?$`).FindSubmatch(text); contract != nil {
		if one.oldestBuild, err = strconv.ParseInt(string(contract[1]), 10, 64); err != nil {
			return migrationFile{}, fmt.Errorf("parse oldest build: %w", err)
		}
	}
	return one, nil
}

type ledger struct {
	database *sql.DB
}

func (l ledger) read(ctx context.Context) (map[int64]ledgerRow, error) {
	rows, err := l.database.QueryContext(ctx, readLedger)
	if hasCode(err, undefinedTable) {
		return map[int64]ledgerRow{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	defer func() { _ = rows.Close() }()
	found := map[int64]ledgerRow{}
	for rows.Next() {
		var one ledgerRow
		if err := rows.Scan(&one.version, &one.name, &one.checksum, &one.oldestBuild, &one.finishedAt); err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		found[one.version] = one
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

func (l ledger) begin(ctx context.Context, one migrationFile) error {
	return l.exec(ctx, "begin migration", beginMigration, one.version, one.name, one.checksum, one.oldestBuild)
}

func (l ledger) finish(ctx context.Context, version int64) error {
	return l.exec(ctx, "finish migration", finishMigration, version)
}

func (l ledger) forget(ctx context.Context, version int64) error {
	return l.exec(ctx, "forget migration", forgetMigration, version)
}

func (r ledgerRow) at() time.Time {
	return r.finishedAt.Time
}
