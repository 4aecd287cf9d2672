package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

type usedKey struct {
	fingerprint [32]byte
	orderID     order.ID
	expiresAt   time.Time
}

// Store keeps everything in this process: orders, the queue of their events and the summaries. It is safe for use by
// many goroutines.
type Store struct {
	mutex     sync.Mutex
	orders    map[order.ID]order.Order
	sorted    []order.ID
	keys      map[string]usedKey
	queue     queue
	seen      map[order.ID]time.Time
	summaries map[order.Day]order.DailySummary
	wake      chan struct{}
	taking    chan struct{}
	now       app.Clock
}

func New() *Store {
	return &Store{
		orders:    map[order.ID]order.Order{},
		keys:      map[string]usedKey{},
		seen:      map[order.ID]time.Time{},
		summaries: map[order.Day]order.DailySummary{},
		wake:      make(chan struct{}, 1),
		taking:    make(chan struct{}, 1),
		now:       time.Now,
	}
}

// Wake delivers a value when events wait in the queue.
func (s *Store) Wake() <-chan struct{} {
	return s.wake
}

func (s *Store) Add(ctx context.Context, placement order.Placement) (order.Order, bool, error) {
	if err := ctx.Err(); err != nil {
		return order.Order{}, false, fmt.Errorf("add order: %w", err)
	}
	made, err := newMessage(ctx, placement.Event)
	if err != nil {
		return order.Order{}, false, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if key := placement.Key; key != nil {
		used, found := s.keys[key.Key]
		if found && used.expiresAt.After(key.Now) {
			if used.fingerprint != key.Fingerprint {
				return order.Order{}, false, order.ErrIdempotencyConflict
			}
			return s.orders[used.orderID], true, nil
		}
	}
	if !s.insert(placement.Order) {
		return order.Order{}, false, fmt.Errorf("add order %s: %w", placement.Order.ID(), failure.ErrDuplicate)
	}
	if key := placement.Key; key != nil {
		s.keys[key.Key] = usedKey{fingerprint: key.Fingerprint, orderID: placement.Order.ID(), expiresAt: key.ExpiresAt}
	}
	s.queue.waiting = append(s.queue.waiting, made)
	s.notify()
	return placement.Order, false, nil
}

func (s *Store) insert(placed order.Order) bool {
	id := placed.ID()
	at, taken := slices.BinarySearch(s.sorted, id)
	if taken {
		return false
	}
	s.sorted = slices.Insert(s.sorted, at, id)
	s.orders[id] = placed
	return true
}

func (s *Store) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Store) Find(ctx context.Context, id order.ID) (order.Order, error) {
	if err := ctx.Err(); err != nil {
		return order.Order{}, fmt.Errorf("find order: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, known := s.orders[id]
	if !known {
		return order.Order{}, order.ErrNotFound
	}
	return found, nil
}

func (s *Store) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	end := len(s.sorted)
	if page.After != "" {
		end, _ = slices.BinarySearchFunc(s.sorted, page.After, func(a, b order.ID) int {
			return strings.Compare(string(a), string(b))
		})
	}
	first := max(0, end-page.Limit)
	found := make([]order.Order, 0, end-first)
	for i := end - 1; i >= first; i-- {
		found = append(found, s.orders[s.sorted[i]])
	}
	return found, nil
}

func (s *Store) Apply(ctx context.Context, event order.Placed) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("apply event: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.count(event), nil
}

func (s *Store) count(event order.Placed) bool {
	if _, known := s.seen[event.EventID]; known {
		return false
	}
	s.seen[event.EventID] = s.now()
	summary := s.summaries[event.Day()]
	summary.Orders++
	summary.RevenueCents += event.TotalCents
	s.summaries[event.Day()] = summary
	return true
}

func (s *Store) counted(id order.ID) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, known := s.seen[id]
	return known
}

func (s *Store) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	if err := ctx.Err(); err != nil {
		return order.DailySummary{}, fmt.Errorf("read summary: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	summary := s.summaries[day]
	summary.Day = day
	return summary, nil
}

func (s *Store) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	if err := ctx.Err(); err != nil {
		return app.Batch{}, fmt.Errorf("take events: %w", err)
	}
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	case <-ctx.Done():
		return app.Batch{}, fmt.Errorf("take events: %w", ctx.Err())
	}
	var batch app.Batch
	for _, next := range s.head(limit) {
		event, err := events.DecodePlaced(next.payload)
		if err != nil {
			batch.Parked++
			batch.Taken++
			s.commit(nil)
			continue
		}
		pending := &unit{store: s}
		if err := project(ctx, event, pending); err != nil {
			return batch, fmt.Errorf("project event: %w", err)
		}
		batch.Taken++
		s.commit(pending.events)
	}
	return batch, nil
}

func (s *Store) Pending(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return int64(len(s.queue.waiting)), nil
}

func (s *Store) head(limit int) []message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.queue.waiting[:min(limit, len(s.queue.waiting))])
}

func (s *Store) commit(projected []order.Placed) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, event := range projected {
		s.count(event)
	}
	s.queue.waiting[0] = message{}
	s.queue.waiting = s.queue.waiting[1:]
}

func (s *Store) Purge(ctx context.Context, now, horizon time.Time, limit int) (retention.Purged, error) {
	if err := ctx.Err(); err != nil {
		return retention.Purged{}, fmt.Errorf("purge: %w", err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var purged retention.Purged
	for name, used := range s.keys {
		if purged.Keys < int64(limit) && !used.expiresAt.After(now) {
			delete(s.keys, name)
			purged.Keys++
		}
	}
	for id, at := range s.seen {
		if purged.Events < int64(limit) && at.Before(horizon) {
			delete(s.seen, id)
			purged.Events++
		}
	}
	return purged, nil
}
