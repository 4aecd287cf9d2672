package broker

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/cloudevents"
	"{{ cookiecutter.__go_module }}/internal/adapters/kafka"
	"{{ cookiecutter.__go_module }}/internal/adapters/outbox"
	"{{ cookiecutter.__go_module }}/internal/adapters/store"
	"{{ cookiecutter.__go_module }}/internal/app"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
	"{{ cookiecutter.__go_module }}/internal/platform/telemetry"
)

const breath = 10 * time.Millisecond

// Start begins to publish the events of a store and to project what the broker delivers; with BROKER=none, to project
// them from the outbox.
func Start(ctx context.Context, p *process.Process, opened store.Store) error {
	if p.Config.Broker.Kind == config.BrokerNone {
		return projectOutbox(ctx, p, opened)
	}
	measured, err := p.Telemetry.Broker(ctx)
	if err != nil {
		return fmt.Errorf("measure broker: %w", err)
	}
	codec, err := cloudevents.New("/" + process.Service)
	if err != nil {
		return fmt.Errorf("prepare events: %w", err)
	}
	settings := Settings(p.Config.Broker)
	if err := publish(ctx, p, opened, settings, codec, measured); err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	return consume(ctx, p, opened, settings, codec, measured)
}

func publish(
	ctx context.Context, p *process.Process, opened store.Store, settings kafka.Settings, codec *cloudevents.Codec, measured *telemetry.Broker,
) error {
	producer, err := kafka.NewProducer(settings, codec, measured)
	if err != nil {
		return fmt.Errorf("open producer: %w", err)
	}
	relay := &outbox.Relay{
		Source: opened.Inbox, Publisher: producer, Metrics: measured, Logger: p.Logger,
		Owner: rand.Text(), Batch: settings.Batch, LeaseTTL: p.Config.Broker.LeaseTTL,
		Every: p.Config.WorkerPollInterval, Wake: opened.Wake,
	}
	return p.Group.Start(ctx, lifecycle.Component{Name: "relay", Run: func(ctx context.Context) error {
		defer producer.Close()
		return relay.Run(ctx)
	}})
}

func consume(
	ctx context.Context, p *process.Process, opened store.Store, settings kafka.Settings, codec *cloudevents.Codec, measured *telemetry.Broker,
) error {
	consumer, err := kafka.NewConsumer(settings, codec, opened.Summaries, measured, p.Logger)
	if err != nil {
		return fmt.Errorf("open consumer: %w", err)
	}
	if err := p.Group.Start(ctx, lifecycle.Component{Name: "consumer", Stop: consumer.Stop}); err != nil {
		return fmt.Errorf("start consumer: %w", err)
	}
	return startProjector(ctx, p, &app.Projector{
		Inbox: consumer, Metrics: lagging{p.Telemetry, measured}, Every: breath,
	})
}

// Settings are those of the configuration.
func Settings(chosen config.Broker) kafka.Settings {
	return kafka.Settings{
		Client: process.Service, Brokers: chosen.Brokers, Topic: chosen.Topic, DeadLetterTopic: chosen.DeadLetterTopic, Group: chosen.Group,
		TLS: chosen.TLS, Mechanism: chosen.SASLMechanism, User: chosen.SASLUser, Password: chosen.SASLPassword.Reveal(),
		DeliveryTimeout: chosen.DeliveryTimeout, Batch: int(chosen.Batch), Attempts: int(chosen.Attempts),
		BackoffMin: chosen.BackoffMin, BackoffMax: chosen.BackoffMax,
		HandlerTimeout: chosen.HandlerTimeout, RebalanceTimeout: chosen.RebalanceTimeout,
	}
}

type lagging struct {
	app.Metrics

	measured *telemetry.Broker
}

func (l lagging) InboxPending(ctx context.Context, count int64) {
	l.measured.Lag(ctx, count)
}
