// Package kafka sends events to Kafka and takes them from there.
package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	dialTimeout    = 5 * time.Second
	sessionTimeout = 30 * time.Second
	metadataAge    = time.Second
	inFlightBytes  = 8 << 20
	buffered       = 2000
)

// Mechanisms of SASL.
const (
	MechanismNone   = "none"
	MechanismPlain  = "plain"
	MechanismSHA256 = "scram-sha-256"
	MechanismSHA512 = "scram-sha-512"
)

// Settings say how to reach the brokers and what to bound. DeliveryTimeout is for one record to be acknowledged;
// HandlerTimeout for one attempt to work on a record; RebalanceTimeout for a batch, before others get its partitions.
type Settings struct {
	Client           string
	Brokers          []string
	Topic            string
	DeadLetterTopic  string
	Group            string
	TLS              bool
	Mechanism        string
	User             string
	Password         string
	DeliveryTimeout  time.Duration
	Batch            int
	Attempts         int
	BackoffMin       time.Duration
	BackoffMax       time.Duration
	HandlerTimeout   time.Duration
	RebalanceTimeout time.Duration
	Tuning           []kgo.Opt
}

func (s Settings) client(more ...kgo.Opt) (*kgo.Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(s.Brokers...),
		kgo.ClientID(s.Client),
		kgo.DialTimeout(dialTimeout),
		kgo.MetadataMinAge(metadataAge),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordDeliveryTimeout(s.DeliveryTimeout),
		kgo.AllowIdempotentProduceCancellation(),
		kgo.MaxBufferedRecords(buffered),
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()),
	}
	if s.TLS {
		options = append(options, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	mechanism, err := s.mechanism()
	if err != nil {
		return nil, err
	}
	if mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	client, err := kgo.NewClient(append(append(options, more...), s.Tuning...)...)
	if err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	return client, nil
}

func (s Settings) deliver(ctx context.Context, client *kgo.Client, records ...*kgo.Record) kgo.ProduceResults {
	ctx, cancel := context.WithTimeout(ctx, s.DeliveryTimeout+s.DeliveryTimeout/2)
	defer cancel()
	return client.ProduceSync(ctx, records...)
}

func (s Settings) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "", MechanismNone:
		return nil, nil //nolint:nilnil // no mechanism is an answer
	case MechanismPlain:
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case MechanismSHA256:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case MechanismSHA512:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	default:
		return nil, fmt.Errorf("mechanism %q is unknown", s.Mechanism)
	}
}
