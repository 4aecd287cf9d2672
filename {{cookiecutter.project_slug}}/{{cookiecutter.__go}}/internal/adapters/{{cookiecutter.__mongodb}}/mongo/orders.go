package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const claims = 3

var (
	errKeyTaken = errors.New("idempotency key is taken")
	errKeyGone  = errors.New("idempotency key expired while it was read")
)

// Add writes the order, its event and its key in one transaction: all are there, or none.
func (s *Store) Add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	stored, replayed, err := s.add(ctx, placement)
	if err != nil {
		return order.Order{}, false, fmt.Errorf("add order %s: %w", placement.Order.ID(), classify(ctx, err))
	}
	return stored, replayed, nil
}

func (s *Store) add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	written, err := documentsOf(ctx, placement)
	if err != nil {
		return order.Order{}, false, err
	}
	for range claims {
		err := s.transact(ctx, func(ctx context.Context) error { return s.insert(ctx, written) })
		if !errors.Is(err, errKeyTaken) {
			return placement.Order, false, err
		}
		first, err := s.replay(ctx, *placement.Key)
		if !errors.Is(err, driver.ErrNoDocuments) {
			return first, true, err
		}
	}
	return order.Order{}, false, fmt.Errorf("%w: %w", failure.ErrUnavailable, errKeyGone)
}

func (s *Store) insert(ctx context.Context, written placementDocuments) error {
	if written.key != nil {
		if err := s.claim(ctx, *written.key, written.order.ID); err != nil {
			return err
		}
	}
	if err := s.insertOne(ctx, ordersCollection, written.order); err != nil {
		return fmt.Errorf("insert order: %w", err)
	}
	if err := s.insertOne(ctx, outboxCollection, written.event); err != nil {
		return fmt.Errorf("fill outbox: %w", err)
	}
	return nil
}

func (s *Store) insertOne(ctx context.Context, collection string, document any) error {
	_, err := s.database.Collection(collection).InsertOne(ctx, document)
	if driver.IsDuplicateKeyError(err) {
		return failure.ErrDuplicate
	}
	return err //nolint:wrapcheck // the caller says what it inserted
}

func (s *Store) claim(ctx context.Context, key order.IdempotencyKey, id string) error {
	expired := bson.D{
		bson.E{Key: "_id", Value: key.Key},
		bson.E{Key: "expires_at", Value: field("$lte", key.Now)},
	}
	claimed := keyDocument{Fingerprint: key.Fingerprint[:], OrderID: id, ExpiresAt: key.ExpiresAt}
	_, err := s.database.Collection(keysCollection).
		UpdateOne(ctx, expired, field("$set", claimed), options.UpdateOne().SetUpsert(true))
	if driver.IsDuplicateKeyError(err) {
		return errKeyTaken
	}
	if err != nil {
		return fmt.Errorf("claim idempotency key: %w", err)
	}
	return nil
}

func (s *Store) replay(ctx context.Context, key order.IdempotencyKey) (order.Order, error) {
	var used keyDocument
	if err := s.database.Collection(keysCollection).FindOne(ctx, byID(key.Key)).Decode(&used); err != nil {
		return order.Order{}, fmt.Errorf("read idempotency key: %w", err)
	}
	if !bytes.Equal(used.Fingerprint, key.Fingerprint[:]) {
		return order.Order{}, order.ErrIdempotencyConflict
	}
	first, err := s.find(ctx, used.OrderID)
	if errors.Is(err, order.ErrNotFound) {
		return order.Order{}, fmt.Errorf("order %s of an idempotency key is not there", used.OrderID)
	}
	return first, err
}

func (s *Store) Find(ctx context.Context, id order.ID) (order.Order, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	found, err := s.find(ctx, string(id))
	if err != nil && !errors.Is(err, order.ErrNotFound) {
		return order.Order{}, fmt.Errorf("find order: %w", classify(ctx, err))
	}
	return found, err
}

func (s *Store) find(ctx context.Context, id string) (order.Order, error) {
	var found orderDocument
	err := s.database.Collection(ordersCollection).FindOne(ctx, byID(id)).Decode(&found)
	if errors.Is(err, driver.ErrNoDocuments) {
		return order.Order{}, order.ErrNotFound
	}
	if err != nil {
		return order.Order{}, fmt.Errorf("read order: %w", err)
	}
	return found.toDomain()
}

func (s *Store) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	found, err := s.list(ctx, page)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", classify(ctx, err))
	}
	return found, nil
}

func (s *Store) list(ctx context.Context, page order.Page) ([]order.Order, error) {
	filter := bson.D{}
	if page.After != "" {
		filter = byID(field("$lt", string(page.After)))
	}
	newestFirst := options.Find().SetSort(field("_id", -1)).SetLimit(int64(page.Limit))
	documents, err := all[orderDocument](ctx, s.database.Collection(ordersCollection), filter, newestFirst)
	if err != nil {
		return nil, err
	}
	orders := make([]order.Order, 0, len(documents))
	for _, document := range documents {
		one, err := document.toDomain()
		if err != nil {
			return nil, err
		}
		orders = append(orders, one)
	}
	return orders, nil
}

func all[T any](ctx context.Context, from *driver.Collection, filter bson.D, how *options.FindOptionsBuilder) ([]T, error) {
	cursor, err := from.Find(ctx, filter, how)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", from.Name(), err)
	}
	var found []T
	if err := cursor.All(ctx, &found); err != nil {
		return nil, fmt.Errorf("read %s: %w", from.Name(), err)
	}
	return found, nil
}
