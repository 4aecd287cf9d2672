package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"{{ cookiecutter.__go_module }}/internal/adapters/cloudevents"
	"{{ cookiecutter.__go_module }}/internal/adapters/events"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
)

const (
	headerContentType = "content-type"
	headerID          = "ce_id"
	headerType        = "ce_type"
	headerTrace       = "traceparent"
)

// Sending traces what leaves: it gives the trace context that travels with a record, and how to end its span.
type Sending interface {
	Send(ctx context.Context, topic, id, caused string) (string, func(error))
}

// Producer publishes the events of an outbox; it is an outbox.Publisher.
type Producer struct {
	client   *kgo.Client
	codec    *cloudevents.Codec
	settings Settings
	trace    Sending
}

func NewProducer(settings Settings, codec *cloudevents.Codec, trace Sending) (*Producer, error) {
	client, err := settings.client()
	if err != nil {
		return nil, err
	}
	return &Producer{client: client, codec: codec, settings: settings, trace: trace}, nil
}

func (p *Producer) Close() {
	p.client.Close()
}

// Publish waits until all replicas in sync have each record, or its delivery timeout ends. A record whose acknowledgement
// was lost counts as failed then, and may be there twice when it is sent again.
func (p *Producer) Publish(ctx context.Context, messages []outbox.Message) []error {
	outcome := make([]error, len(messages))
	place := make(map[*kgo.Record]int, len(messages))
	ends := make([]func(error), len(messages))
	records := make([]*kgo.Record, 0, len(messages))
	for i, message := range messages {
		var record *kgo.Record
		record, ends[i], outcome[i] = p.record(ctx, message)
		if outcome[i] == nil {
			place[record] = i
			records = append(records, record)
		}
	}
	for _, result := range p.settings.deliver(ctx, p.client, records...) {
		i := place[result.Record]
		if result.Err != nil {
			outcome[i] = fmt.Errorf("produce event %s: %w", messages[i].ID, refused(result.Err))
		}
		ends[i](outcome[i])
	}
	return outcome
}

func (p *Producer) record(ctx context.Context, message outbox.Message) (*kgo.Record, func(error), error) {
	event, err := events.DecodePlaced(message.Payload)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", outbox.ErrUnpublishable, err)
	}
	value, err := p.codec.Encode(event, message.TraceParent)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", outbox.ErrUnpublishable, err)
	}
	sent, end := p.trace.Send(ctx, p.settings.Topic, message.ID, message.TraceParent)
	return &kgo.Record{Topic: p.settings.Topic, Key: []byte(event.OrderID), Value: value, Headers: []kgo.RecordHeader{
		{Key: headerContentType, Value: []byte(cloudevents.ContentType)},
		{Key: headerID, Value: []byte(event.EventID)},
		{Key: headerType, Value: []byte(events.TypePlaced)},
		{Key: headerTrace, Value: []byte(sent)},
	}}, end, nil
}

func refused(err error) error {
	if errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.InvalidRecord) {
		return fmt.Errorf("%w: %w", outbox.ErrUnpublishable, err)
	}
	return err
}
