package mongo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"{{ cookiecutter.__go_module }}/internal/adapters/await"
	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
)

var (
	errEmptyCommand = errors.New("a command is empty")
	errWriteRefused = errors.New("write refused")
)

type Migrator struct {
	client   *driver.Client
	database *driver.Database
	files    []schema.File
	timeout  time.Duration
	lock     lock

	startTimeout time.Duration
}

// NewMigrator opens connections of its own. Its commands have no time limit, for a migration may take long.
func NewMigrator(settings Settings, files fs.FS) (*Migrator, error) {
	found, err := schema.Read(files, extension, oldestBuild)
	if err != nil {
		return nil, err
	}
	client, database, err := dial(settings, &pool{})
	if err != nil {
		return nil, err
	}
	return &Migrator{
		client: client, database: database, files: found, lock: newLock(database),
		timeout: settings.Timeout, startTimeout: settings.StartTimeout,
	}, nil
}

// Wait returns when the database answers.
func (m *Migrator) Wait(ctx context.Context, logger *slog.Logger) error {
	return await.Connection(ctx, m.startTimeout, m.ping, logger)
}

func (m *Migrator) ping(ctx context.Context) error {
	if err := m.client.Ping(ctx, readpref.Primary()); err != nil {
		return fmt.Errorf("ping database: %w", classify(ctx, err))
	}
	return nil
}

func (m *Migrator) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.timeout)
	defer cancel()
	if err := m.client.Disconnect(ctx); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Up applies what is pending, one migration after the other, while it holds the lock. An applied migration whose file has
// changed is refused by name before anything is touched.
func (m *Migrator) Up(ctx context.Context) error {
	return m.lock.hold(ctx, func(ctx context.Context) error {
		states, err := m.Status(ctx)
		if err != nil {
			return err
		}
		for _, one := range states {
			if one.State == schema.StateEdited {
				return fmt.Errorf("%s: %w", one.Name, schema.ErrEdited)
			}
		}
		for _, one := range states {
			if one.State != schema.StatePending && one.State != schema.StateInterrupted {
				continue
			}
			if err := m.apply(ctx, m.file(one.Version)); err != nil {
				return fmt.Errorf("apply %s: %w", one.Name, err)
			}
		}
		return nil
	})
}

func (m *Migrator) file(version int64) schema.File {
	at := slices.IndexFunc(m.files, func(file schema.File) bool { return file.Version == version })
	if at < 0 {
		return schema.File{}
	}
	return m.files[at]
}

func (m *Migrator) apply(ctx context.Context, file schema.File) error {
	read, err := readScript(file.Text)
	if err != nil {
		return err
	}
	if err := m.begin(ctx, file); err != nil {
		return err
	}
	if err := run(ctx, m.database, read.Up); err != nil {
		return err
	}
	finished := field("$currentDate", field("finished_at", true))
	if _, err := m.database.Collection(ledgerCollection).UpdateOne(ctx, byID(file.Version), finished); err != nil {
		return fmt.Errorf("finish migration: %w", err)
	}
	return nil
}

func (m *Migrator) begin(ctx context.Context, file schema.File) error {
	began := bson.D{
		bson.E{Key: "$set", Value: bson.D{
			bson.E{Key: "name", Value: file.Name},
			bson.E{Key: "checksum", Value: file.Checksum},
			bson.E{Key: "oldest_build", Value: file.OldestBuild},
		}},
		bson.E{Key: "$currentDate", Value: field("began_at", true)},
		bson.E{Key: "$unset", Value: field("finished_at", "")},
	}
	_, err := m.database.Collection(ledgerCollection).UpdateOne(ctx, byID(file.Version), began, options.UpdateOne().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("begin migration: %w", err)
	}
	return nil
}

// Down takes the newest migration back, and with it what its collections hold.
func (m *Migrator) Down(ctx context.Context) error {
	return m.lock.hold(ctx, func(ctx context.Context) error {
		recorded, err := readLedger(ctx, m.database)
		if err != nil {
			return err
		}
		for _, file := range slices.Backward(m.files) {
			if _, begun := recorded[file.Version]; begun {
				return m.takeBack(ctx, file)
			}
		}
		return nil
	})
}

func (m *Migrator) takeBack(ctx context.Context, file schema.File) error {
	read, err := readScript(file.Text)
	if err != nil {
		return err
	}
	if err := run(ctx, m.database, read.Down); err != nil {
		return fmt.Errorf("take %s back: %w", file.Name, err)
	}
	if _, err := m.database.Collection(ledgerCollection).DeleteOne(ctx, byID(file.Version)); err != nil {
		return fmt.Errorf("forget migration: %w", err)
	}
	return nil
}

// Status changes nothing: it says what Up would do.
func (m *Migrator) Status(ctx context.Context) ([]schema.Migration, error) {
	recorded, err := readLedger(ctx, m.database)
	if err != nil {
		return nil, err
	}
	return schema.States(m.files, recorded), nil
}
