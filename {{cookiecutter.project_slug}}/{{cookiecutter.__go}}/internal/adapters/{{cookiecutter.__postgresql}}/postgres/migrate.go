package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"{{ cookiecutter.__go_module }}/migrations"
)

const (
	lockProbeSeconds = 1
	lockProbes       = 60
)

// Migrate runs the command "up" or "status" and returns each migration with its state. A session lock lets one process
// migrate at a time.
func Migrate(ctx context.Context, settings Settings, command string) (report map[string]string, err error) {
	database, err := sql.Open("pgx", settings.URL)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockProbeSeconds, lockProbes))
	if err != nil {
		return nil, fmt.Errorf("create migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, database, migrations.Files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	if command == "up" {
		if _, err := provider.Up(ctx); err != nil {
			return nil, fmt.Errorf("apply migrations: %w", err)
		}
	}
	return status(ctx, provider)
}

func status(ctx context.Context, provider *goose.Provider) (map[string]string, error) {
	found, err := provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read migration status: %w", err)
	}
	report := make(map[string]string, len(found))
	for _, one := range found {
		report[one.Source.Path] = string(one.State)
	}
	return report, nil
}

func latestMigration() (int64, error) {
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	var latest int64
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: name has no number: %w", name, err)
		}
		latest = max(latest, version)
	}
	return latest, nil
}
