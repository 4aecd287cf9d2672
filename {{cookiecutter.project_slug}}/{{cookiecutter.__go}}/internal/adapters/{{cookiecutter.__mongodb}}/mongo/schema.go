package mongo

import (
	"context"
	"fmt"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
	"{{ cookiecutter.__go_module }}/migrations"
)

const ledgerCollection = "migration_ledger"

type ledgerDocument struct {
	Version     int64     `bson:"_id"`
	Name        string    `bson:"name"`
	Checksum    string    `bson:"checksum"`
	OldestBuild int64     `bson:"oldest_build"`
	BeganAt     time.Time `bson:"began_at"`
	FinishedAt  time.Time `bson:"finished_at,omitempty"`
}

func (s *Store) requireSchema(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	wanted, err := schema.Read(migrations.Files, extension, oldestBuild)
	if err != nil {
		return err
	}
	found, err := readLedger(ctx, s.database)
	if err != nil {
		return fmt.Errorf("read schema version: %w", classify(ctx, err))
	}
	return schema.Judge(wanted, found)
}

func readLedger(ctx context.Context, database *driver.Database) (map[int64]schema.Row, error) {
	documents, err := all[ledgerDocument](ctx, database.Collection(ledgerCollection), bson.D{}, options.Find())
	if err != nil {
		return nil, err
	}
	found := make(map[int64]schema.Row, len(documents))
	for _, one := range documents {
		file := schema.File{Version: one.Version, Name: one.Name, Checksum: one.Checksum, OldestBuild: one.OldestBuild}
		found[one.Version] = schema.Row{File: file, FinishedAt: one.FinishedAt}
	}
	return found, nil
}
