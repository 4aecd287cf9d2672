package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	StateApplied     = "applied"
	StatePending     = "pending"
	StateInterrupted = "interrupted"
	StateEdited      = "edited"
	StateNewer       = "newer"

	lockWait = time.Minute
	takeLock = `SELECT pg_advisory_lock(hashtextextended('migrate ' || current_schema(), 0))`
	dropLock = `SELECT pg_advisory_unlock(hashtextextended('migrate ' || current_schema(), 0))`
)

var (
	ErrMigrationEdited = errors.New("an applied migration was edited; restore its file and put the change into a new migration")
	ErrMigrationLocked = errors.New("another process migrates this database")
)

// Migration is one migration and how far it is: applied, pending, interrupted (begun and not finished; up repeats it),
// edited (the file is not what was applied) or newer (applied by a newer build, unknown to this one).
type Migration struct {
	Version   int64
	Name      string
	State     string
	AppliedAt time.Time
}

type Migrator struct {
	database *sql.DB
	provider *goose.Provider
	files    []migrationFile
	ledger   ledger
	lockWait time.Duration
}

// NewMigrator opens a connection of its own. Its statements have no time limit, for a migration may take long; its locks
// have one, so that a migration that waits for a table does not hold up everyone behind it.
func NewMigrator(settings Settings, files fs.FS) (*Migrator, error) {
	config, err := pgx.ParseConfig(settings.URL)
	if err != nil {
		return nil, fmt.Errorf("parse DATABASE_URL: %w", err)
	}
	settings.apply(config, 0)
	found, err := readFiles(files)
	if err != nil {
		return nil, err
	}
	database := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, database, files)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read migrations: %w", err), database.Close())
	}
	return &Migrator{database: database, provider: provider, files: found, ledger: ledger{database}, lockWait: lockWait}, nil
}

func (m *Migrator) Close() error {
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
				return fmt.Errorf("apply %s: %w", file.name, err)
			}
		}
		return nil
	})
}

func (m *Migrator) apply(ctx context.Context, file migrationFile) error {
	if err := m.ledger.begin(ctx, file); err != nil {
		return err
	}
	if _, err := m.provider.ApplyVersion(ctx, file.version, true); err != nil {
		return fmt.Errorf("run migration: %w", err)
	}
	return m.ledger.finish(ctx, file.version)
}

func (m *Migrator) pending(ctx context.Context) ([]migrationFile, error) {
	states, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	byVersion := make(map[int64]migrationFile, len(m.files))
	for _, file := range m.files {
		byVersion[file.version] = file
	}
	var pending []migrationFile
	for _, one := range states {
		file := byVersion[one.Version]
		switch one.State {
		case StateEdited:
			return nil, fmt.Errorf("%s: %w", one.Name, ErrMigrationEdited)
		case StatePending, StateInterrupted:
			pending = append(pending, file)
		case StateApplied:
			if err := m.settle(ctx, file); err != nil {
				return nil, err
			}
		}
	}
	return pending, nil
}

func (m *Migrator) settle(ctx context.Context, file migrationFile) error {
	if err := m.ledger.begin(ctx, file); err != nil {
		return err
	}
	return m.ledger.finish(ctx, file.version)
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
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	recorded, err := m.ledger.read(ctx)
	if err != nil {
		return nil, err
	}
	applied, err := m.applied(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]Migration, 0, len(m.files))
	for _, file := range m.files {
		row, begun := recorded[file.version]
		if row.finishedAt.Valid {
			applied[file.version] = row.at()
		}
		one := Migration{Version: file.version, Name: file.name, State: StatePending, AppliedAt: applied[file.version]}
		switch {
		case !one.AppliedAt.IsZero() && begun && row.checksum != file.checksum:
			one.State = StateEdited
		case !one.AppliedAt.IsZero():
			one.State = StateApplied
		case begun:
			one.State = StateInterrupted
		}
		states = append(states, one)
		delete(recorded, file.version)
	}
	for _, row := range recorded {
		states = append(states, Migration{Version: row.version, Name: row.name, State: StateNewer, AppliedAt: row.at()})
	}
	slices.SortFunc(states, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	return states, nil
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
			return fmt.Errorf("%w: waited %s", ErrMigrationLocked, m.lockWait)
		}
		return fmt.Errorf("take migration lock: %w", err)
	}
	defer func() {
		_, errUnlock := connection.ExecContext(context.WithoutCancel(ctx), dropLock)
		err = errors.Join(err, errUnlock)
	}()
	return work()
}
