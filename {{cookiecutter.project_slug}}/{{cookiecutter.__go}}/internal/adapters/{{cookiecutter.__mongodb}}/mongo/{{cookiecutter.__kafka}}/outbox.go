package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
)

const (
	leaseCollection = "outbox_lease"
	leaseName       = "relay"
)

func (s *Store) AcquireLease(ctx context.Context, owner string, ttl time.Duration) (outbox.Lease, bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	free := bson.A{field("owner", owner), field("$expr", field("$lte", bson.A{"$ends_at", "$$NOW"}))}
	filter := append(byID(leaseName), bson.E{Key: "$or", Value: free})
	var held struct {
		Fence int64 `bson:"fence"`
	}
	err := s.database.Collection(leaseCollection).
		FindOneAndUpdate(ctx, filter, acquiring(owner, ttl), options.FindOneAndUpdate().SetReturnDocument(options.After)).
		Decode(&held)
	if errors.Is(err, driver.ErrNoDocuments) {
		return outbox.Lease{}, false, nil
	}
	if err != nil {
		return outbox.Lease{}, false, fmt.Errorf("acquire lease: %w", classify(ctx, err))
	}
	return outbox.Lease{Owner: owner, Fence: held.Fence}, true, nil
}

func acquiring(owner string, ttl time.Duration) bson.A {
	ended := field("$cond", bson.A{field("$gt", bson.A{"$ends_at", "$$NOW"}), 0, 1})
	return bson.A{field("$set", bson.D{
		bson.E{Key: "owner", Value: field("$literal", owner)},
		bson.E{Key: "fence", Value: field("$add", bson.A{"$fence", ended})},
		bson.E{Key: "ends_at", Value: field("$add", bson.A{"$$NOW", ttl.Milliseconds()})},
	})}
}

func of(lease outbox.Lease) bson.D {
	return append(byID(leaseName), bson.E{Key: "owner", Value: lease.Owner}, bson.E{Key: "fence", Value: lease.Fence})
}

func (s *Store) ReleaseLease(ctx context.Context, lease outbox.Lease) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	released := field("$set", bson.D{bson.E{Key: "owner", Value: ""}, bson.E{Key: "ends_at", Value: time.UnixMilli(0)}})
	if _, err := s.database.Collection(leaseCollection).UpdateOne(ctx, of(lease), released); err != nil {
		return fmt.Errorf("release lease: %w", classify(ctx, err))
	}
	return nil
}

func (s *Store) NextMessages(ctx context.Context, limit int) ([]outbox.Message, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	oldestFirst := options.Find().SetSort(field("position", 1)).SetLimit(int64(limit))
	found, err := all[eventDocument](ctx, s.database.Collection(outboxCollection), notParked(), oldestFirst)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", classify(ctx, err))
	}
	messages := make([]outbox.Message, 0, len(found))
	for _, one := range found {
		messages = append(messages, outbox.Message{ID: one.ID, TraceParent: one.TraceParent, Payload: []byte(one.Payload)})
	}
	return messages, nil
}

func (s *Store) MarkPublished(ctx context.Context, lease outbox.Lease, ids []string) error {
	return s.settleAs(ctx, lease, func(ctx context.Context) error {
		if len(ids) == 0 {
			return nil
		}
		_, err := s.database.Collection(outboxCollection).DeleteMany(ctx, byID(anyOf(ids)))
		return err //nolint:wrapcheck // settleAs wraps it
	})
}

func (s *Store) ParkMessage(ctx context.Context, lease outbox.Lease, id, reason string) error {
	return s.settleAs(ctx, lease, func(ctx context.Context) error {
		waiting := append(byID(id), notParked()...)
		_, err := s.database.Collection(outboxCollection).UpdateOne(ctx, waiting, parking(reason))
		return err //nolint:wrapcheck // settleAs wraps it
	})
}

func (s *Store) settleAs(ctx context.Context, lease outbox.Lease, work func(ctx context.Context) error) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	err := s.transact(ctx, func(ctx context.Context) error {
		held, err := s.database.Collection(leaseCollection).UpdateOne(ctx, of(lease), field("$inc", field("settled", int64(1))))
		if err != nil {
			return fmt.Errorf("hold lease: %w", err)
		}
		if held.MatchedCount == 0 {
			return outbox.ErrLeaseLost
		}
		return work(ctx)
	})
	if err != nil {
		return fmt.Errorf("settle messages as %s: %w", lease.Owner, classify(ctx, err))
	}
	return nil
}

func (s *Store) Backlog(ctx context.Context) (outbox.Backlog, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	cursor, err := s.database.Collection(outboxCollection).Aggregate(ctx, bson.A{
		field("$match", notParked()),
		field("$group", bson.D{
			bson.E{Key: "_id", Value: nil},
			bson.E{Key: "pending", Value: field("$sum", int64(1))},
			bson.E{Key: "oldest", Value: field("$min", "$created_at")},
		}),
		field("$set", field("waited", field("$subtract", bson.A{"$$NOW", "$oldest"}))),
	})
	if err != nil {
		return outbox.Backlog{}, fmt.Errorf("count outbox: %w", classify(ctx, err))
	}
	var counted []struct {
		Pending int64 `bson:"pending"`
		Waited  int64 `bson:"waited"`
	}
	if err := cursor.All(ctx, &counted); err != nil {
		return outbox.Backlog{}, fmt.Errorf("read count of outbox: %w", classify(ctx, err))
	}
	if len(counted) == 0 {
		return outbox.Backlog{}, nil
	}
	oldest := time.Duration(max(counted[0].Waited, 0)) * time.Millisecond
	return outbox.Backlog{Pending: counted[0].Pending, Oldest: oldest}, nil
}
