package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

var errLeaseLost = errors.New("another worker has taken the events over")

// Take leases events, projects them, and writes all that came of it in one transaction. A projection is run once however
// often that transaction meets another one. A worker that dies leaves its events to the others when its lease ends.
func (s *Store) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	taken, err := s.lease(ctx, limit)
	if err != nil {
		return app.Batch{}, fmt.Errorf("take events: %w", classify(ctx, err))
	}
	batch, err := s.project(ctx, taken, project)
	if err != nil {
		s.giveBack(ctx, taken, err)
		return app.Batch{}, fmt.Errorf("take events: %w", classify(ctx, err))
	}
	return batch, nil
}

func (s *Store) project(ctx context.Context, taken leased, project app.Projection) (app.Batch, error) {
	sums := newUnit(s)
	unreadable := map[string]string{}
	for _, one := range taken.events {
		event, err := events.DecodePlaced([]byte(one.Payload))
		if err != nil {
			unreadable[one.ID] = err.Error()
			continue
		}
		if err := project(ctx, event, sums); err != nil {
			return app.Batch{}, err
		}
	}
	if len(taken.events) == 0 {
		return app.Batch{}, nil
	}
	err := s.transact(ctx, func(ctx context.Context) error {
		if err := s.settle(ctx, taken, unreadable); err != nil {
			return err
		}
		_, err := s.count(ctx, sums.counted)
		return err
	})
	return app.Batch{Taken: len(taken.events), Parked: len(unreadable)}, err
}

func (s *Store) settle(ctx context.Context, taken leased, unreadable map[string]string) error {
	outbox := s.database.Collection(outboxCollection)
	projected := make([]string, 0, len(taken.events))
	for _, one := range taken.events {
		reason, parked := unreadable[one.ID]
		if !parked {
			projected = append(projected, one.ID)
			continue
		}
		done, err := outbox.UpdateOne(ctx, taken.mine(byID(one.ID)), parking(reason))
		if err != nil {
			return fmt.Errorf("park event: %w", err)
		}
		if done.MatchedCount == 0 {
			return fmt.Errorf("%w: %w", failure.ErrUnavailable, errLeaseLost)
		}
	}
	done, err := outbox.DeleteMany(ctx, taken.mine(byID(anyOf(projected))))
	if err != nil {
		return fmt.Errorf("empty outbox: %w", err)
	}
	if done.DeletedCount != int64(len(projected)) {
		return fmt.Errorf("%w: %w", failure.ErrUnavailable, errLeaseLost)
	}
	return nil
}

func parking(reason string) bson.D {
	return bson.D{
		bson.E{Key: "$set", Value: bson.D{
			bson.E{Key: "parked_at", Value: time.Now()},
			bson.E{Key: "last_error", Value: reason},
		}},
		bson.E{Key: "$unset", Value: leaseFields()},
	}
}

func (s *Store) Pending(ctx context.Context) (int64, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	count, err := s.database.Collection(outboxCollection).CountDocuments(ctx, notParked())
	if err != nil {
		return 0, fmt.Errorf("count outbox: %w", classify(ctx, err))
	}
	return count, nil
}

func (s *Store) Apply(ctx context.Context, event order.Placed) (bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	counted := 0
	err := s.transact(ctx, func(ctx context.Context) error {
		var err error
		counted, err = s.count(ctx, []order.Placed{event})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("apply event: %w", classify(ctx, err))
	}
	return counted == 1, nil
}

func (s *Store) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	summary, err := s.daily(ctx, day)
	if err != nil {
		return order.DailySummary{}, fmt.Errorf("summarise day: %w", classify(ctx, err))
	}
	return summary, nil
}
