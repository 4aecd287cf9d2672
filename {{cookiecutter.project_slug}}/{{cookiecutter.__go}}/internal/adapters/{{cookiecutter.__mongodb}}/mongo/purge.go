package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
)

// Purge forgets by the clock of the caller. The TTL indexes of the schema do the same by the clock of the server, later,
// for a database whose worker is gone.
func (s *Store) Purge(ctx context.Context, now, horizon time.Time, limit int) (retention.Purged, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var purged retention.Purged
	var err error
	if purged.Keys, err = s.purge(ctx, keysCollection, "expires_at", field("$lte", now), limit); err != nil {
		return purged, fmt.Errorf("purge idempotency keys: %w", classify(ctx, err))
	}
	if purged.Events, err = s.purge(ctx, processedCollection, "processed_at", field("$lt", horizon), limit); err != nil {
		return purged, fmt.Errorf("purge processed events: %w", classify(ctx, err))
	}
	return purged, nil
}

func (s *Store) purge(ctx context.Context, collection, at string, past bson.D, limit int) (int64, error) {
	from := s.database.Collection(collection)
	how := options.Find().SetSort(field(at, 1)).SetLimit(int64(limit)).SetProjection(field("_id", 1))
	found, err := all[struct {
		ID string `bson:"_id"`
	}](ctx, from, field(at, past), how)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	ids := make([]string, 0, len(found))
	for _, one := range found {
		ids = append(ids, one.ID)
	}
	done, err := from.DeleteMany(ctx, append(byID(anyOf(ids)), bson.E{Key: at, Value: past}))
	if err != nil {
		return 0, fmt.Errorf("delete from %s: %w", collection, err)
	}
	return done.DeletedCount, nil
}
