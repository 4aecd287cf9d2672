package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
)

type leased struct {
	token  string
	events []eventDocument
}

func (l leased) mine(filter bson.D) bson.D {
	return append(filter, bson.E{Key: "lease", Value: l.token})
}

func leaseFields() bson.D {
	return bson.D{bson.E{Key: "lease", Value: ""}, bson.E{Key: "leased_until", Value: ""}}
}

func notParked() bson.D {
	return field("parked_at", nil)
}

func free(filter bson.D) bson.D {
	return append(filter, bson.E{Key: "$expr", Value: field("$lte", bson.A{"$leased_until", "$$NOW"})})
}

func (s *Store) lease(ctx context.Context, limit int) (leased, error) {
	taken := leased{token: string(order.NewID(time.Now()))}
	outbox := s.database.Collection(outboxCollection)
	oldestFirst := options.Find().SetSort(field("position", 1)).SetLimit(int64(limit))
	for range claims {
		found, err := all[eventDocument](ctx, outbox, free(notParked()), oldestFirst)
		if err != nil || len(found) == 0 {
			return taken, err
		}
		ids := make([]string, 0, len(found))
		for _, one := range found {
			ids = append(ids, one.ID)
		}
		won, err := outbox.UpdateMany(ctx, free(append(byID(anyOf(ids)), notParked()...)), s.leasing(taken.token))
		if err != nil {
			s.giveBack(ctx, taken, err)
			return taken, fmt.Errorf("lease events: %w", err)
		}
		switch won.ModifiedCount {
		case 0:
			continue
		case int64(len(found)):
			taken.events = found
			return taken, nil
		}
		taken.events, err = all[eventDocument](ctx, outbox, taken.mine(byID(anyOf(ids))), oldestFirst)
		if err != nil {
			s.giveBack(ctx, taken, err)
		}
		return taken, err
	}
	return taken, nil
}

func (s *Store) leasing(token string) bson.A {
	until := field("$add", bson.A{"$$NOW", s.settings.Timeout.Milliseconds()})
	return bson.A{field("$set", bson.D{
		bson.E{Key: "lease", Value: token},
		bson.E{Key: "leased_until", Value: until},
	})}
}

func (s *Store) giveBack(ctx context.Context, taken leased, reason error) {
	release := func(ctx context.Context) {
		filter := taken.mine(bson.D{})
		_, _ = s.database.Collection(outboxCollection).UpdateMany(ctx, filter, field("$unset", leaseFields()))
	}
	if ctx.Err() != nil || Transient(reason) {
		s.later(ctx, release)
		return
	}
	release(ctx)
}
