package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"{{ cookiecutter.__go_module }}/internal/adapters/await"
	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
)

const (
	lockWait = time.Minute
	takeLock = `SELECT pg_advisory_lock(hashtextextended('migrate ' || current_schema(), 0))`
	dropLock = `SELECT pg_advisory_unlock(hashtextextended('migrate ' || current_schema(), 0))`
)

type Migrator struct {
	database *sql.DB
	provider *goose.Provider
	files    []schema.File
	ledger   ledger
	lockWait time.Duration

	startTimeout time.Duration
}

// NewMigrator opens a connection of its own. Its statements have no time limit, for a migration may take long; its locks
// have one, so that a migration that waits for a table does not hold up everyone behind it.
func NewMigrator(settings Settings, files fs.FS) (*Migrator, error) {
	config, err := pgx.ParseConfig(settings.URL)
	if err != nil {
		return nil, fmt.Errorf("parse DATABASE_URL: %w", err)
	}
	settings.apply(config, 0)
	found, err := schema.Read(files, ".sql", oldestBuild)
	if err != nil {
		return nil, err
	}
	database := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, database, files)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read migrations: %w", err), database.Close())
	}
	return &Migrator{
		database: database, provider: provider, files: found, ledger: ledger{database},
		lockWait: lockWait, startTimeout: settings.StartTimeout,
	}, nil
}

// Wait returns when the database answers.
func (m *Migrator) Wait(ctx context.Context, logger *slog.Logger) error {
	return await.Connection(ctx, m.startTimeout, m.ping, logger)
}

func (m *Migrator) ping(ctx context.Context) error {
	if err := m.database.PingContext(ctx); err != nil {
		return fmt.Errorf("ping database: %w", classify(err))
	}
	return nil
}

func (m *Migrator) Close(context.Context) error {
	if err := m.database.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Up applies what is pending, one migration after the other, while it holds the lock. An applied migration whose file has
// changed is refused by name before anything is touched.
func (m *Migrator) Up(ctx context.Context) error {
	return m.locked(ctx, func() error {
		if err := m.ledger.exec(ctx, "create ledger", createLedger); err != nil {
			return err
		}
		pending, err := m.pending(ctx)
		if err != nil {
			return err
		}
		for _, file := range pending {
			if err := m.apply(ctx, file); err != nil {
				return fmt.Errorf("apply %s: %w", file.Name, err)
			}
		}
		return nil
	})
}

func (m *Migrator) apply(ctx context.Context, file schema.File) error {
	if err := m.ledger.begin(ctx, file); err != nil {
		return err
	}
	if _, err := m.provider.ApplyVersion(ctx, file.Version, true); err != nil {
		return fmt.Errorf("run migration: %w", err)
	}
	return m.ledger.finish(ctx, file.Version)
}

func (m *Migrator) pending(ctx context.Context) ([]schema.File, error) {
	states, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	byVersion := make(map[int64]schema.File, len(m.files))
	for _, file := range m.files {
		byVersion[file.Version] = file
	}
	var pending []schema.File
	for _, one := range states {
		file := byVersion[one.Version]
		switch one.State {
		case schema.StateEdited:
			return nil, fmt.Errorf("%s: %w", one.Name, schema.ErrEdited)
		case schema.StatePending, schema.StateInterrupted:
			pending = append(pending, file)
		case schema.StateApplied:
			if err := m.settle(ctx, file); err != nil {
				return nil, err
			}
		}
	}
	return pending, nil
}

func (m *Migrator) settle(ctx context.Context, file schema.File) error {
	if err := m.ledger.begin(ctx, file); err != nil {
		return err
	}
	return m.ledger.finish(ctx, file.Version)
}

// Down takes the newest migration back, and with it what its tables hold.
func (m *Migrator) Down(ctx context.Context) error {
	return m.locked(ctx, func() error {
		result, err := m.provider.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take migration back: %w", err)
		}
		return m.ledger.forget(ctx, result.Source.Version)
	})
}

// Status changes nothing: it says what Up would do.
func (m *Migrator) Status(ctx context.Context) ([]schema.Migration, error) {
	recorded, err := m.ledger.read(ctx)
	if err != nil {
		return nil, err
	}
	applied, err := m.applied(ctx)
	if err != nil {
		return nil, err
	}
	for _, file := range m.files {
		row, begun := recorded[file.Version]
		if at, known := applied[file.Version]; known && row.FinishedAt.IsZero() {
			row.FinishedAt = at
			if !begun {
				row.File = schema.File{Version: file.Version, Name: file.Name}
			}
			recorded[file.Version] = row
		}
	}
	return schema.States(m.files, recorded), nil
}

func (m *Migrator) applied(ctx context.Context) (map[int64]time.Time, error) {
	rows, err := m.database.QueryContext(ctx, `SELECT version_id, tstamp FROM goose_db_version WHERE is_applied AND version_id > 0`)
	if hasCode(err, undefinedTable) {
		return map[int64]time.Time{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	found := map[int64]time.Time{}
	for rows.Next() {
		var version int64
		var at time.Time
		if err := rows.Scan(&version, &at); err != nil {
			return nil, fmt.Errorf("read applied migrations: %w", err)
		}
		found[version] = at
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", err)
	}
	return found, nil
}

func (m *Migrator) locked(ctx context.Context, work func() error) (err error) {
	connection, err := m.database.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	if _, err := connection.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, false)`, milliseconds(m.lockWait)); err != nil {
		return fmt.Errorf("set lock timeout: %w", err)
	}
	if _, err := connection.ExecContext(ctx, takeLock); err != nil {
		if hasCode(err, lockNotAvailable) {
			return fmt.Errorf("%w: waited %s", schema.ErrLocked, m.lockWait)
		}
		return fmt.Errorf("take migration lock: %w", err)
	}
	defer func() {
		_, errUnlock := connection.ExecContext(context.WithoutCancel(ctx), dropLock)
		err = errors.Join(err, errUnlock)
	}()
	return work()
}
