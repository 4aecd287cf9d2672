package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"
)

const (
	BrokerNone  = "none"
	BrokerKafka = "kafka"

	SASLNone        = "none"
	SASLPlain       = "plain"
	SASLScramSHA256 = "scram-sha-256"
	SASLScramSHA512 = "scram-sha-512"

	DeadLetters Process = "deadletters"
)

// Broker says what carries events. The limits are those of one record, but for Batch, which is how many are in flight.
type Broker struct {
	Kind             string
	Brokers          []string
	Topic            string
	DeadLetterTopic  string
	Group            string
	TLS              bool
	SASLMechanism    string
	SASLUser         string
	SASLPassword     Secret
	DeliveryTimeout  time.Duration
	LeaseTTL         time.Duration
	Batch            int64
	Attempts         int64
	BackoffMin       time.Duration
	BackoffMax       time.Duration
	HandlerTimeout   time.Duration
	RebalanceTimeout time.Duration
}

func (b *Broker) variables() []variable {
	return []variable{
		{"BROKER", BrokerNone, oneOf(&b.Kind, BrokerNone, BrokerKafka)},
		{"KAFKA_BROKERS", "", addresses(&b.Brokers)},
		{"KAFKA_TOPIC", "orders.placed.v1", topic(&b.Topic)},
		{"KAFKA_DEAD_LETTER_TOPIC", "orders.placed.v1.dead", topic(&b.DeadLetterTopic)},
		{"KAFKA_GROUP", "{{ cookiecutter.project_slug }}", topic(&b.Group)},
		{"KAFKA_TLS", "true", boolean(&b.TLS)},
		{"KAFKA_SASL_MECHANISM", SASLNone, oneOf(&b.SASLMechanism, SASLNone, SASLPlain, SASLScramSHA256, SASLScramSHA512)},
		{"KAFKA_SASL_USER", "", text(&b.SASLUser)},
		{"KAFKA_SASL_PASSWORD", "", secret(&b.SASLPassword)},
		{"KAFKA_DELIVERY_TIMEOUT", "10s", duration(&b.DeliveryTimeout, time.Second, time.Minute)},
		{"KAFKA_LEASE_TTL", "30s", duration(&b.LeaseTTL, time.Second, 10*time.Minute)},
		{"KAFKA_BATCH", "100", integer(&b.Batch, 1, 1000)},
		{"KAFKA_ATTEMPTS", "5", integer(&b.Attempts, 1, 20)},
		{"KAFKA_BACKOFF_MIN", "50ms", duration(&b.BackoffMin, time.Millisecond, 10*time.Second)},
		{"KAFKA_BACKOFF_MAX", "1s", duration(&b.BackoffMax, time.Millisecond, time.Minute)},
		{"KAFKA_HANDLER_TIMEOUT", "5s", duration(&b.HandlerTimeout, 10*time.Millisecond, time.Minute)},
		{"KAFKA_REBALANCE_TIMEOUT", "60s", duration(&b.RebalanceTimeout, time.Second, 10*time.Minute)},
	}
}

func (b *Broker) contradictions(loaded *Config) []string {
	if b.Kind == BrokerNone {
		return nil
	}
	var problems []string
	refuse := func(broken bool, format string, args ...any) {
		if broken {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	refuse(len(b.Brokers) == 0, "KAFKA_BROKERS: is empty, want host:port of a broker or more when BROKER=kafka")
	refuse(b.Topic == b.DeadLetterTopic, "KAFKA_DEAD_LETTER_TOPIC: %s is KAFKA_TOPIC, and dead letters would come back for ever", b.Topic)
	refuse(!b.TLS && loaded.Environment != Local && loaded.Environment != "dev",
		"KAFKA_TLS: false sends events in the open and is for ENVIRONMENT=local and dev, this is %s", loaded.Environment)
	refuse(b.SASLMechanism != SASLNone && (b.SASLUser == "" || b.SASLPassword == ""),
		"KAFKA_SASL_USER, KAFKA_SASL_PASSWORD: are empty, and KAFKA_SASL_MECHANISM=%s needs them", b.SASLMechanism)
	refuse(b.SASLMechanism == SASLNone && (b.SASLUser != "" || b.SASLPassword != ""),
		"KAFKA_SASL_MECHANISM: none makes no use of KAFKA_SASL_USER and KAFKA_SASL_PASSWORD")
	refuse(b.BackoffMin > b.BackoffMax, "KAFKA_BACKOFF_MIN: %s is more than KAFKA_BACKOFF_MAX %s", b.BackoffMin, b.BackoffMax)
	refuse(2*b.DeliveryTimeout > b.LeaseTTL,
		"KAFKA_DELIVERY_TIMEOUT: twice %s is more than KAFKA_LEASE_TTL %s, the lease could end before a batch is marked", b.DeliveryTimeout, b.LeaseTTL)
	refuse(b.longest() > b.RebalanceTimeout/2,
		"KAFKA_ATTEMPTS: %d attempts of KAFKA_HANDLER_TIMEOUT %s take up to %s with their waits, more than half of KAFKA_REBALANCE_TIMEOUT %s",
		b.Attempts, b.HandlerTimeout, b.longest(), b.RebalanceTimeout)
	return problems
}

func (b *Broker) longest() time.Duration {
	return time.Duration(b.Attempts)*b.HandlerTimeout + time.Duration(b.Attempts-1)*b.BackoffMax
}

func addresses(target *[]string) func(string) error {
	return func(text string) error {
		for _, word := range list(text) {
			host, port, err := net.SplitHostPort(word)
			if err != nil || host == "" || port == "" {
				return fmt.Errorf("%q is no address of a broker, want host:port", word)
			}
			*target = append(*target, word)
		}
		return nil
	}
}

func topic(target *string) func(string) error {
	legal := regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	return func(text string) error {
		if !legal.MatchString(text) {
			return fmt.Errorf("%q is no name in Kafka, want letters, digits, dots, dashes and underscores", text)
		}
		*target = text
		return nil
	}
}

func secret(target *Secret) func(string) error {
	return func(text string) error {
		for _, r := range text {
			if r < ' ' {
				return errors.New("holds a control character")
			}
		}
		*target = Secret(text)
		return nil
	}
}
