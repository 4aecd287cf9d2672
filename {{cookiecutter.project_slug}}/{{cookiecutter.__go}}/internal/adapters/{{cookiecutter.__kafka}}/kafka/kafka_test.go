package kafka_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"{{ cookiecutter.__go_module }}/internal/adapters/kafka"
	"{{ cookiecutter.__go_module }}/internal/adapters/memory"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/internal/platform/failure"
)

func TestAnOrderTravelsFromTheOutboxToTheSummary(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 25)

	err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil)
	inbox := consumer(t, settings(brokers), store, broker)
	drain(t, inbox, apply, 25)

	lag, errLag := inbox.Pending(t.Context())
	waiting, errWaiting := store.Backlog(t.Context())
	if err := errors.Join(err, errLag, errWaiting); err != nil || lag != 0 || waiting.Pending != 0 || counted(t, store) != 25 {
		t.Errorf("lag %d, %d wait, %d counted, %v", lag, waiting.Pending, counted(t, store), err)
	}
	if committed(t, brokers) != 25 {
		t.Errorf("%d committed, want 25", committed(t, brokers))
	}
}

func TestACrashBetweenPublishAndMarkSendsTwiceAndCountsOnce(t *testing.T) {
	t.Parallel()
	brokers := cluster(t)
	store := &crashing{Store: memory.New(), every: 2}
	_, broker, _ := measured(t)
	place(t, store, 60)
	sender := relay(store, producer(t, settings(brokers), broker), broker, "a")

	until(t, "an empty outbox", func() bool {
		err := sender.Drain(t.Context(), nil)
		if err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		return err == nil
	})

	sent := ends(t, brokers, topic)
	drain(t, consumer(t, settings(brokers), store, broker), apply, int(sent))
	if sent <= 60 || counted(t, store) != 60 {
		t.Errorf("%d sent, %d counted; want more than 60, and 60", sent, counted(t, store))
	}
}

func TestLostAnswersAndDroppedConnectionsDuplicateNothingInTheTopic(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	brokers.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 3},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 2},
	)
	brokers.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("reset"), true })
	place(t, store, 30)

	err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil)

	if got := ends(t, brokers, topic); err != nil || got != 30 {
		t.Errorf("%d in the topic, %v; want 30", got, err)
	}
}

func TestARecordWhoseAnswerNeverComesFailsInTimeAndIsSentAgain(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	var silent atomic.Bool
	silent.Store(true)
	brokers.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		brokers.KeepControl()
		return nil, errors.New("reset"), silent.Load()
	})
	chosen := settings(brokers)
	chosen.DeliveryTimeout = time.Second
	publisher := producer(t, chosen, broker)
	place(t, store, 5)

	failed := relay(store, publisher, broker, "a").Drain(t.Context(), nil)
	silent.Store(false)
	again := relay(store, publisher, broker, "a").Drain(t.Context(), nil)

	if got := ends(t, brokers, topic); failed == nil || again != nil || got != 5 {
		t.Errorf("%v, then %v, %d in the topic; want a failure, then none, and 5", failed, again, got)
	}
}

func TestWhatTheBrokerRefusesStaysInTheOutbox(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	brokers.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	ids := place(t, store, 3)

	err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil)

	backlog, _ := store.Backlog(t.Context())
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || backlog.Pending != int64(len(ids)) {
		t.Errorf("got %v, %d wait; want all of them", err, backlog.Pending)
	}
}

func TestACrashBetweenCommitAndPublishLosesNothing(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 10)
	dying, cancel := context.WithCancel(t.Context())
	cancel()

	first := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(dying, nil)
	sent := ends(t, brokers, topic)
	second := relay(store, producer(t, settings(brokers), broker), broker, "b").Drain(t.Context(), nil)
	drain(t, consumer(t, settings(brokers), store, broker), apply, 10)

	if !errors.Is(first, context.Canceled) || sent != 0 || second != nil || counted(t, store) != 10 {
		t.Errorf("got %v, %d sent, then %v, %d counted", first, sent, second, counted(t, store))
	}
}

func TestPoisonGoesToTheDeadLettersAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	id := kgo.RecordHeader{Key: "ce_id", Value: []byte("e-1")}
	poison := map[string]string{
		"unreadable": "no json", "version": `{"specversion":"1.0","type":"order.placed.v9"}`, "schema": `{"specversion":"1.0","type":"order.placed.v1"}`,
	}
	for reason, value := range poison {
		send(t, brokers, &kgo.Record{Key: []byte(reason), Value: []byte(value), Headers: []kgo.RecordHeader{id}})
	}
	send(t, brokers, &kgo.Record{Key: []byte("unreadable")})
	place(t, store, 5)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}

	total := drain(t, consumer(t, settings(brokers), store, broker), apply, 9)

	letters, err := kafka.NewDeadLetters(settings(brokers)).List(t.Context(), 100)
	if err != nil || total.Parked != 4 || len(letters) != 4 || counted(t, store) != 5 {
		t.Fatalf("got %+v, %d letters, %d counted, %v", total, len(letters), counted(t, store), err)
	}
	for reason := range poison {
		if !slices.ContainsFunc(letters, func(one kafka.DeadLetter) bool {
			return one.Reason == reason && one.Error != "" && one.EventID == "e-1" && one.Attempts == "0" && strings.HasPrefix(one.From, topic+"/")
		}) {
			t.Errorf("%s is not told in %+v", reason, letters)
		}
	}
}

func TestAProjectionThatFailsIsTriedAgainThenSetAside(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	ids := place(t, store, 4)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int64
	refuses := func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		if string(event.EventID) == ids[1] {
			tries.Add(1)
			return errors.New("this order is refused")
		}
		return apply(ctx, event, summaries)
	}

	total := drain(t, consumer(t, settings(brokers), store, broker), refuses, 4)

	letters, err := kafka.NewDeadLetters(settings(brokers)).List(t.Context(), 100)
	if err != nil || tries.Load() != 3 || total.Parked != 1 || counted(t, store) != 3 || len(letters) != 1 || letters[0].Reason != "failed" {
		t.Fatalf("%d tries, %+v, %d counted, %+v, %v", tries.Load(), total, counted(t, store), letters, err)
	}
	if letters[0].EventID != ids[1] || letters[0].Attempts != "3" {
		t.Errorf("got %+v", letters[0])
	}
}

func TestAReplayedLetterIsCountedOnce(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 3)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	inbox := consumer(t, settings(brokers), store, broker)
	drain(t, inbox, func(context.Context, order.Placed, app.Summaries) error { return errors.New("a bug") }, 3)
	dead := kafka.NewDeadLetters(settings(brokers))
	letters, err := dead.List(t.Context(), 100)
	if err != nil || len(letters) != 3 {
		t.Fatalf("got %+v, %v", letters, err)
	}

	picked, errPick := kafka.Pick(letters, []string{letters[0].Position, letters[2].Position})
	first, errFirst := dead.Replay(t.Context(), picked)
	second, errSecond := dead.Replay(t.Context(), letters)
	drain(t, inbox, apply, 5)

	if err := errors.Join(errPick, errFirst, errSecond); err != nil || first != 2 || second != 3 || counted(t, store) != 3 {
		t.Errorf("replayed %d and %d, %d counted, %v", first, second, counted(t, store), err)
	}
	if _, err := kafka.Pick(letters, []string{"9:9"}); !errors.Is(err, kafka.ErrNoDeadLetter) {
		t.Errorf("got %v, want no dead letter", err)
	}
	if some, err := dead.List(t.Context(), 2); err != nil || len(some) != 2 {
		t.Errorf("got %d letters, %v; want 2", len(some), err)
	}
}

func TestAStoreThatIsAwayPausesAndNoAttemptIsSpent(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 40)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	inbox := consumer(t, settings(brokers), store, broker)
	var away, calls atomic.Int64
	away.Store(20)
	flaky := func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		if calls.Add(1) > 5 && away.Add(-1) >= 0 {
			return failure.ErrUnavailable
		}
		return apply(ctx, event, summaries)
	}

	total := drain(t, inbox, flaky, 40)

	if total.Parked != 0 || counted(t, store) != 40 || away.Load() >= 0 || ends(t, brokers, deadTopic) != 0 {
		t.Errorf("got %+v, %d counted, %d failures left, %d dead", total, counted(t, store), away.Load(), ends(t, brokers, deadTopic))
	}
	if committed(t, brokers) != 40 {
		t.Errorf("%d committed, want 40", committed(t, brokers))
	}
}

func TestNoRecordOvertakesOneOfItsPartition(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 60)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var fails atomic.Int64
	inbox := consumer(t, settings(brokers), store, broker)
	everySeventh := func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		if fails.Add(1)%7 == 0 {
			return failure.ErrUnavailable
		}
		return apply(ctx, event, summaries)
	}

	until(t, "the end of the topic", func() bool {
		_, _ = inbox.Take(t.Context(), 10, everySeventh)
		if done, safe := counted(t, store), committed(t, brokers); safe > done {
			t.Fatalf("%d committed, %d counted", safe, done)
		}
		return counted(t, store) == 60
	})
}

func TestARefusedCommitBringsRecordsAgainAndCountsThemOnce(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 30)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	brokers.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: 1},
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownServerError, Count: 1},
	)

	inbox := consumer(t, settings(brokers), store, broker)
	until(t, "the end of the topic", func() bool {
		_, _ = inbox.Take(t.Context(), 10, apply)
		return counted(t, store) == 30
	})

	if got := counted(t, store); got != 30 {
		t.Errorf("%d counted, want 30", got)
	}
}

func TestALetterThatCannotBeSetAsideHoldsItsPartition(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	send(t, brokers, &kgo.Record{Value: []byte("no json")})
	brokers.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: 1})
	inbox := consumer(t, settings(brokers), store, broker)
	var first error

	until(t, "the refusal", func() bool {
		_, first = inbox.Take(t.Context(), 10, apply)
		return first != nil
	})
	before := committed(t, brokers)
	total := drain(t, inbox, apply, 1)

	if !errors.Is(first, kerr.TopicAuthorizationFailed) || before != 0 || total.Parked != 1 || ends(t, brokers, deadTopic) != 1 {
		t.Errorf("got %v, %d committed, then %+v", first, before, total)
	}
}

func TestABrokerAwayAndBackLosesNothing(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	ports := freePorts(t, 1)
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(ports...), kfake.DataDir(directory)}
	brokers, store := cluster(t, options...), memory.New()
	_, broker, _ := measured(t)
	chosen := settings(brokers)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	sender := relay(store, producer(t, chosen, broker), broker, "a")
	inbox := consumer(t, chosen, store, broker)
	place(t, store, 20)
	group.Go(func() { _ = sender.Run(ctx) })
	group.Go(func() {
		for ctx.Err() == nil {
			_, _ = inbox.Take(ctx, 10, apply)
		}
	})
	until(t, "the first orders", func() bool { return counted(t, store) == 20 })

	brokers.Close()
	place(t, store, 20)
	backlog, errBacklog := store.Backlog(t.Context())
	cluster(t, options...)

	until(t, "the other orders", func() bool { return counted(t, store) == 40 })
	cancel()
	group.Wait()
	if errBacklog != nil || backlog.Pending != 20 {
		t.Errorf("%d waited while the broker was away, %v", backlog.Pending, errBacklog)
	}
}

func TestAMemberThatJoinsInMidBatchRepeatsNothingInTheSummary(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 300)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	joined := make(chan struct{})
	var once sync.Once
	var calls atomic.Int64
	telling := func(ctx context.Context, event order.Placed, summaries app.Summaries) error {
		if calls.Add(1) > 20 {
			once.Do(func() { close(joined) })
		}
		return apply(ctx, event, summaries)
	}
	work := func(inbox app.Inbox) func() {
		return func() {
			for ctx.Err() == nil {
				_, _ = inbox.Take(ctx, 10, telling)
			}
		}
	}

	group.Go(work(consumer(t, settings(brokers), store, broker)))
	<-joined
	group.Go(work(consumer(t, settings(brokers), store, broker)))

	until(t, "the end of the topic", func() bool { return committed(t, brokers) == 300 })
	cancel()
	group.Wait()
	if got := counted(t, store); got != 300 {
		t.Errorf("%d counted, want 300", got)
	}
}

func TestAConsumerThatStopsCommitsAndLeaves(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 10)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	left := brokers.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.LeaveGroup}, Observe: true, Count: -1})
	inbox := consumer(t, settings(brokers), store, broker)
	drain(t, inbox, apply, 10)

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := inbox.Stop(ctx)

	if err != nil || left.Hits() != 1 || committed(t, brokers) != 10 {
		t.Errorf("got %v, left %d times, %d committed", err, left.Hits(), committed(t, brokers))
	}
}

func TestAConsumerStopsWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	place(t, store, 10)
	if err := relay(store, producer(t, settings(brokers), broker), broker, "a").Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	stopping := consumer(t, settings(brokers), store, broker)
	drain(t, stopping, apply, 10)
	brokers.Close()

	err := stopping.Stop(t.Context())

	if err != nil {
		t.Errorf("Stop: %v, want none", err)
	}
}

func TestTheRelayStopsAndFreesItsLease(t *testing.T) {
	t.Parallel()
	brokers, store := cluster(t), memory.New()
	_, broker, _ := measured(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	sender := relay(store, producer(t, settings(brokers), broker), broker, "a")
	sender.Wake = store.Wake()
	go func() { done <- sender.Run(ctx) }()
	place(t, store, 5)
	until(t, "an empty outbox", func() bool {
		backlog, err := store.Backlog(t.Context())
		return err == nil && backlog == outbox.Backlog{}
	})

	cancel()
	err := <-done

	if _, held, errLease := store.AcquireLease(t.Context(), "b", time.Minute); err != nil || errLease != nil || !held {
		t.Errorf("got %v, held %t, %v; want the lease to be free", err, held, errLease)
	}
}
