package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"{{ cookiecutter.__go_module }}/internal/adapters/cloudevents"
)

const (
	deadPrefix    = "dlq_"
	headerReason  = "dlq_reason"
	headerError   = "dlq_error"
	headerTopic   = "dlq_topic"
	headerPart    = "dlq_partition"
	headerOffset  = "dlq_offset"
	headerTries   = "dlq_attempts"
	headerAt      = "dlq_at"
	headerReplay  = "dlq_replayed_from"
	longestReason = 512
)

// ErrNoDeadLetter says that a position holds no dead letter, or holds one no more.
var ErrNoDeadLetter = errors.New("no dead letter there")

func reasonOf(err error) string {
	switch {
	case errors.Is(err, cloudevents.ErrUnreadable):
		return "unreadable"
	case errors.Is(err, cloudevents.ErrVersion):
		return "version"
	case errors.Is(err, cloudevents.ErrSchema):
		return "schema"
	default:
		return "failed"
	}
}

func (c *Consumer) bury(ctx context.Context, record *kgo.Record, attempts int, failed error) error {
	reason := reasonOf(failed)
	told := failed.Error()
	letter := &kgo.Record{Topic: c.settings.DeadLetterTopic, Key: record.Key, Value: record.Value, Headers: withoutReasons(record.Headers)}
	for _, pair := range [][2]string{
		{headerReason, reason},
		{headerError, told[:min(longestReason, len(told))]},
		{headerTopic, record.Topic},
		{headerPart, strconv.Itoa(int(record.Partition))},
		{headerOffset, strconv.FormatInt(record.Offset, 10)},
		{headerTries, strconv.Itoa(attempts)},
		{headerAt, time.Now().UTC().Format(time.RFC3339)},
	} {
		letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: pair[0], Value: []byte(pair[1])})
	}
	if err := c.settings.deliver(context.WithoutCancel(ctx), c.client, letter).FirstErr(); err != nil {
		return fmt.Errorf("set record aside in %s: %w", c.settings.DeadLetterTopic, err)
	}
	c.measured.Consumed(ctx, "dead", 1)
	c.measured.DeadLettered(ctx, reason)
	c.logger.ErrorContext(ctx, "Record parked", "reason", reason, "error", failed, "partition", record.Partition, "offset", record.Offset,
		"attempts", attempts, "event_id", header(record, headerID))
	return nil
}

func withoutReasons(headers []kgo.RecordHeader) []kgo.RecordHeader {
	kept := make([]kgo.RecordHeader, 0, len(headers))
	for _, one := range headers {
		if !strings.HasPrefix(one.Key, deadPrefix) {
			kept = append(kept, one)
		}
	}
	return kept
}

// DeadLetter is one record that was set aside. Position, which is partition:offset in the dead-letter topic, names it.
type DeadLetter struct {
	Position string `json:"position"`
	Reason   string `json:"reason"`
	Error    string `json:"error"`
	EventID  string `json:"event_id"`
	From     string `json:"from"`
	Attempts string `json:"attempts"`
	At       string `json:"at"`

	record *kgo.Record
}

// DeadLetters reads the dead-letter topic and sends letters back to where they came from.
type DeadLetters struct {
	settings Settings
}

func NewDeadLetters(settings Settings) *DeadLetters {
	return &DeadLetters{settings: settings}
}

// List gives the oldest letters that the topic still holds, at most limit.
func (d *DeadLetters) List(ctx context.Context, limit int) ([]DeadLetter, error) {
	client, err := d.settings.client(
		kgo.ConsumeTopics(d.settings.DeadLetterTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(inFlightBytes),
	)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	left, err := d.ends(ctx, client)
	if err != nil {
		return nil, err
	}
	var found []DeadLetter
	for len(left) > 0 && len(found) < limit {
		fetches := client.PollRecords(ctx, limit)
		if err := fetches.Err0(); err != nil {
			return nil, fmt.Errorf("read %s: %w", d.settings.DeadLetterTopic, err)
		}
		for _, record := range fetches.Records() {
			if len(found) < limit {
				found = append(found, letterOf(record))
			}
			if record.Offset+1 >= left[record.Partition] {
				delete(left, record.Partition)
			}
		}
	}
	return found, nil
}

func (d *DeadLetters) ends(ctx context.Context, client *kgo.Client) (map[int32]int64, error) {
	admin := kadm.NewClient(client)
	starts, errStart := admin.ListStartOffsets(ctx, d.settings.DeadLetterTopic)
	ends, errEnd := admin.ListEndOffsets(ctx, d.settings.DeadLetterTopic)
	if err := errors.Join(errStart, errEnd, starts.Error(), ends.Error()); err != nil {
		return nil, fmt.Errorf("measure %s: %w", d.settings.DeadLetterTopic, err)
	}
	left := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, known := starts.Lookup(end.Topic, end.Partition); known && start.Offset < end.Offset {
			left[end.Partition] = end.Offset
		}
	})
	return left, nil
}

func letterOf(record *kgo.Record) DeadLetter {
	return DeadLetter{
		Position: fmt.Sprintf("%d:%d", record.Partition, record.Offset),
		Reason:   header(record, headerReason),
		Error:    header(record, headerError),
		EventID:  header(record, headerID),
		From:     fmt.Sprintf("%s/%s:%s", header(record, headerTopic), header(record, headerPart), header(record, headerOffset)),
		Attempts: header(record, headerTries),
		At:       header(record, headerAt),
		record:   record,
	}
}

// Replay sends letters to the topic again, as they came, and returns how many were acknowledged. Letters stay where they
// are: replayed twice, an event is counted once.
func (d *DeadLetters) Replay(ctx context.Context, letters []DeadLetter) (int, error) {
	client, err := d.settings.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	for sent, letter := range letters {
		record := &kgo.Record{
			Topic: d.settings.Topic, Key: letter.record.Key, Value: letter.record.Value,
			Headers: append(withoutReasons(letter.record.Headers), kgo.RecordHeader{Key: headerReplay, Value: []byte(letter.Position)}),
		}
		if err := d.settings.deliver(ctx, client, record).FirstErr(); err != nil {
			return sent, fmt.Errorf("replay %s: %w", letter.Position, err)
		}
	}
	return len(letters), nil
}

// Pick gives the letters at these positions, or ErrNoDeadLetter with the first that is missing.
func Pick(letters []DeadLetter, positions []string) ([]DeadLetter, error) {
	known := make(map[string]DeadLetter, len(letters))
	for _, letter := range letters {
		known[letter.Position] = letter
	}
	picked := make([]DeadLetter, 0, len(positions))
	for _, position := range positions {
		letter, found := known[position]
		if !found {
			return nil, fmt.Errorf("%s: %w", position, ErrNoDeadLetter)
		}
		picked = append(picked, letter)
	}
	return picked, nil
}
