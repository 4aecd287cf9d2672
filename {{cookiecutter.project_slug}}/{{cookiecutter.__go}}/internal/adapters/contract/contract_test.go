package contract_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/adapters/retention"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

const planted = "CONTRACT_PLANTED_BUG"

type frail struct {
	*memory.Store

	broken, stalled, refusing atomic.Bool
}

func newFrail() *frail {
	return &frail{Store: memory.New()}
}

func (f *frail) Cut(int64) { f.broken.Store(true) }

func (f *frail) Stall() { f.stalled.Store(true) }

func (f *frail) Heal() {
	f.broken.Store(false)
	f.stalled.Store(false)
}

func (f *frail) RefuseEvents(_ *testing.T, refuse bool) { f.refusing.Store(refuse) }

func (f *frail) reach(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case f.broken.Load():
		return failure.ErrUnavailable
	case f.stalled.Load():
		<-ctx.Done()
		return ctx.Err()
	default:
		return nil
	}
}

func (f *frail) Add(ctx context.Context, made order.Placement) (order.Order, bool, error) {
	if err := f.reach(ctx); err != nil {
		return order.Order{}, false, err
	}
	if f.refusing.Load() {
		return order.Order{}, false, failure.ErrUnavailable
	}
	return f.Store.Add(ctx, made)
}

func (f *frail) Find(ctx context.Context, id order.ID) (order.Order, error) {
	if err := f.reach(ctx); err != nil {
		return order.Order{}, err
	}
	return f.Store.Find(ctx, id)
}

func (f *frail) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	if err := f.reach(ctx); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, page)
}

func (f *frail) Apply(ctx context.Context, event order.Placed) (bool, error) {
	if err := f.reach(ctx); err != nil {
		return false, err
	}
	return f.Store.Apply(ctx, event)
}

func (f *frail) Daily(ctx context.Context, day order.Day) (order.DailySummary, error) {
	if err := f.reach(ctx); err != nil {
		return order.DailySummary{}, err
	}
	return f.Store.Daily(ctx, day)
}

func (f *frail) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	if err := f.reach(ctx); err != nil {
		return app.Batch{}, err
	}
	return f.Store.Take(ctx, limit, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		if err := project(ctx, event, summaries); err != nil {
			return err
		}
		return f.reach(ctx)
	})
}

func (f *frail) Pending(ctx context.Context) (int64, error) {
	if err := f.reach(ctx); err != nil {
		return 0, err
	}
	return f.Store.Pending(ctx)
}

func (f *frail) Purge(ctx context.Context, now, horizon time.Time, limit int) (retention.Purged, error) {
	if err := f.reach(ctx); err != nil {
		return retention.Purged{}, err
	}
	return f.Store.Purge(ctx, now, horizon, limit)
}

type losesEveryThirdEvent struct {
	*frail

	taken atomic.Int64
}

func (s *losesEveryThirdEvent) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	return s.frail.Take(ctx, limit, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		if s.taken.Add(1)%3 == 0 {
			return nil
		}
		return project(ctx, event, summaries)
	})
}

type writesTheOrderFirst struct{ *frail }

func (s writesTheOrderFirst) Add(ctx context.Context, made order.Placement) (order.Order, bool, error) {
	if !s.refusing.Load() {
		return s.frail.Add(ctx, made)
	}
	_, _, _ = s.Store.Add(ctx, made)
	return order.Order{}, false, failure.ErrUnavailable
}

type checksThenActs struct {
	*frail

	both chan struct{}
}

func (s checksThenActs) Add(ctx context.Context, made order.Placement) (order.Order, bool, error) {
	if made.Key == nil {
		return s.frail.Add(ctx, made)
	}
	probe := made
	unkeyed := order.Placement{Order: made.Order, Event: made.Event}
	found, err := s.List(ctx, order.Page{Limit: 1000})
	if err == nil && len(found) == 0 {
		select {
		case s.both <- struct{}{}:
		case <-s.both:
		case <-time.After(time.Second):
		}
		return s.frail.Add(ctx, unkeyed)
	}
	return s.frail.Add(ctx, probe)
}

type answersUnkeyed struct{ *frail }

func (s answersUnkeyed) Add(ctx context.Context, made order.Placement) (order.Order, bool, error) {
	if made.Key != nil {
		made.Key.Fingerprint = [32]byte{}
	}
	return s.frail.Add(ctx, made)
}

type countsTwice struct{ *frail }

func (s countsTwice) Apply(ctx context.Context, event order.Placed) (bool, error) {
	counted, err := s.frail.Apply(ctx, event)
	if err == nil && !counted {
		event.EventID = order.NewID(event.OccurredAt)
		return s.frail.Apply(ctx, event)
	}
	return counted, err
}

type projectsOutsideTheUnit struct{ *frail }

func (s projectsOutsideTheUnit) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	return s.frail.Take(ctx, limit, func(ctx context.Context, event order.Placed, _ app.Summaries) error {
		return project(ctx, event, s.frail)
	})
}

type handsOutTwice struct{ *frail }

func (s handsOutTwice) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	return s.frail.Take(ctx, limit, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		return errors.Join(project(ctx, event, summaries), project(ctx, event, summaries))
	})
}

type dropsFailedEvents struct{ *frail }

func (s dropsFailedEvents) Take(ctx context.Context, limit int, project app.Projection) (app.Batch, error) {
	var failed error
	batch, err := s.frail.Take(ctx, limit, func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		failed = errors.Join(failed, project(ctx, event, summaries))
		return nil
	})
	return batch, errors.Join(err, failed)
}

type pagesByOffset struct {
	*frail

	mutex sync.Mutex
	seen  map[order.ID]int
}

func (s *pagesByOffset) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	skip := s.seen[page.After]
	found, err := s.frail.List(ctx, order.Page{Limit: skip + page.Limit})
	if err != nil {
		return nil, err
	}
	found = found[min(skip, len(found)):]
	if len(found) > 0 {
		s.seen[found[len(found)-1].ID()] = skip + len(found)
	}
	return found, nil
}

type cutsByTime struct{ *frail }

func (s cutsByTime) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	found, err := s.frail.List(ctx, order.Page{Limit: 10_000})
	if err != nil {
		return nil, err
	}
	if after, err := s.Find(ctx, page.After); err == nil {
		found = slices.DeleteFunc(found, func(one order.Order) bool { return !one.Snapshot().CreatedAt.Before(after.Snapshot().CreatedAt) })
	}
	return found[:min(page.Limit, len(found))], nil
}

type shortensPages struct{ *frail }

func (s shortensPages) List(ctx context.Context, page order.Page) ([]order.Order, error) {
	found, err := s.frail.List(ctx, page)
	if errors.Is(err, failure.ErrUnavailable) {
		found, _ = s.Store.List(ctx, page)
		return found[:len(found)/2], nil
	}
	return found, err
}

type hidesItsErrors struct{ *frail }

func (s hidesItsErrors) Find(ctx context.Context, id order.ID) (order.Order, error) {
	found, err := s.frail.Find(ctx, id)
	if errors.Is(err, failure.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("something went wrong")
	}
	return found, err
}

type ignoresTheContext struct{ *frail }

func (s ignoresTheContext) Add(ctx context.Context, made order.Placement) (order.Order, bool, error) {
	return s.frail.Add(context.WithoutCancel(ctx), made)
}

type overwritesOrders struct{ *frail }

func (s overwritesOrders) Add(ctx context.Context, made order.Placement) (order.Order, bool, error) {
	stored, replayed, err := s.frail.Add(ctx, made)
	if errors.Is(err, failure.ErrDuplicate) {
		return made.Order, false, nil
	}
	return stored, replayed, err
}

type purgesEverything struct{ *frail }

func (s purgesEverything) Purge(ctx context.Context, now, horizon time.Time, limit int) (retention.Purged, error) {
	return s.frail.Purge(ctx, now.AddDate(1, 0, 0), horizon, limit)
}

type purgesWithoutBound struct{ *frail }

func (s purgesWithoutBound) Purge(ctx context.Context, now, horizon time.Time, _ int) (retention.Purged, error) {
	return s.frail.Purge(ctx, now, horizon, 1_000_000)
}

type faulty interface {
	contract.Store
	contract.Faults
}

type bug struct {
	store  func(sound *frail) faulty
	caught string
}

func bugs() map[string]bug {
	return map[string]bug{
		"loses an event":                    {func(sound *frail) faulty { return &losesEveryThirdEvent{frail: sound} }, "sums hold while orders and projections race"},
		"writes the order first":            {func(sound *frail) faulty { return writesTheOrderFirst{sound} }, "leaves nothing of an order without its event"},
		"checks a key, then acts":           {func(sound *frail) faulty { return checksThenActs{sound, make(chan struct{})} }, "one of many racing writers places"},
		"takes every request for the same":  {func(sound *frail) faulty { return answersUnkeyed{sound} }, "refuses a key with another request"},
		"counts twice":                      {func(sound *frail) faulty { return countsTwice{sound} }, "racing duplicates count once"},
		"projects outside its transaction":  {func(sound *frail) faulty { return projectsOutsideTheUnit{sound} }, "takes back what a failed projection counted"},
		"hands an event out twice":          {func(sound *frail) faulty { return handsOutTwice{sound} }, "hands no event to two projectors"},
		"drops what failed":                 {func(sound *frail) faulty { return dropsFailedEvents{sound} }, "keeps an event whose projection fails"},
		"pages by offset":                   {func(sound *frail) faulty { return &pagesByOffset{frail: sound, seen: map[order.ID]int{}} }, "pages stay stable while orders arrive"},
		"pages by time alone":               {func(sound *frail) faulty { return cutsByTime{sound} }, "pages cut through orders of one moment"},
		"never reads the error of its rows": {func(sound *frail) faulty { return shortensPages{sound} }, "never shortens a page whose connection breaks"},
		"hides its errors":                  {func(sound *frail) faulty { return hidesItsErrors{sound} }, "reports a deadline as a deadline"},
		"ignores the context":               {func(sound *frail) faulty { return ignoresTheContext{sound} }, "heeds a cancelled context"},
		"overwrites orders":                 {func(sound *frail) faulty { return overwritesOrders{sound} }, "refuses an id that is taken"},
		"purges too much":                   {func(sound *frail) faulty { return purgesEverything{sound} }, "purges what has served its time"},
		"purges without bound":              {func(sound *frail) faulty { return purgesWithoutBound{sound} }, "purges in bounded steps"},
	}
}

func TestASoundStorePasses(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(t *testing.T) contract.Subject {
		t.Helper()
		sound := newFrail()
		return contract.Subject{Store: sound, Faults: sound}
	})
}

func TestPlantedBug(t *testing.T) {
	t.Parallel()
	found, planted := bugs()[os.Getenv(planted)]
	if !planted {
		t.Skip("holds one planted bug: TestEveryPlantedBugIsCaught starts it")
	}
	contract.Run(t, func(t *testing.T) contract.Subject {
		t.Helper()
		broken := found.store(newFrail())
		return contract.Subject{Store: broken, Faults: broken}
	})
}

func TestEveryPlantedBugIsCaught(t *testing.T) {
	t.Parallel()
	for name, bug := range bugs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustFail(t, "TestPlantedBug", bug.caught, planted+"="+name)
		})
	}
}

func mustFail(t *testing.T, suite, behaviour, environment string) {
	t.Helper()
	caught := strings.ReplaceAll(behaviour, " ", "_")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+suite+"$/^"+caught+"$", "-test.timeout=2m")
	child.Env = append(os.Environ(), environment)

	said, err := child.CombinedOutput()

	want := "--- FAIL: " + suite + "/" + caught + " "
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(said), want) {
		t.Errorf("got %v, want %q in:\n%s", err, want, said)
	}
}
