package config_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"{{ cookiecutter.__go_module }}/internal/platform/config"
)

func TestKafkaTellsWhatItCannotWorkWith(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   string
	}{
		"all well":                 {nil, ""},
		"nobody is asked for":      {map[string]string{"BROKER": "none", "KAFKA_BROKERS": "", "KAFKA_TLS": "false"}, ""},
		"another broker":           {map[string]string{"BROKER": "rabbit"}, "BROKER: "},
		"no brokers":               {map[string]string{"KAFKA_BROKERS": ""}, "KAFKA_BROKERS: is empty"},
		"no port":                  {map[string]string{"KAFKA_BROKERS": "kafka"}, `KAFKA_BROKERS: "kafka" is no address`},
		"no name of a topic":       {map[string]string{"KAFKA_TOPIC": "orders placed"}, "KAFKA_TOPIC: "},
		"dead letters come back":   {map[string]string{"KAFKA_DEAD_LETTER_TOPIC": "orders.placed.v1"}, "KAFKA_DEAD_LETTER_TOPIC: "},
		"in the open":              {map[string]string{"KAFKA_TLS": "false"}, "KAFKA_TLS: "},
		"in the open, local":       {map[string]string{"KAFKA_TLS": "false", "ENVIRONMENT": "local"}, ""},
		"in the open, dev":         {map[string]string{"KAFKA_TLS": "false", "ENVIRONMENT": "dev"}, ""},
		"a mechanism without user": {map[string]string{"KAFKA_SASL_MECHANISM": "plain", "KAFKA_SASL_PASSWORD": "hunter2"}, "KAFKA_SASL_USER, "},
		"a user without mechanism": {map[string]string{"KAFKA_SASL_USER": "u", "KAFKA_SASL_PASSWORD": "hunter2"}, "KAFKA_SASL_MECHANISM: "},
		"a whole login":            {map[string]string{"KAFKA_SASL_MECHANISM": "scram-sha-512", "KAFKA_SASL_USER": "u", "KAFKA_SASL_PASSWORD": "hunter2"}, ""},
		"a password of two lines":  {map[string]string{"KAFKA_SASL_PASSWORD": "hunter2\n"}, "KAFKA_SASL_PASSWORD: "},
		"waits the wrong way":      {map[string]string{"KAFKA_BACKOFF_MIN": "2s"}, "KAFKA_BACKOFF_MIN: "},
		"a lease that ends early":  {map[string]string{"KAFKA_DELIVERY_TIMEOUT": "20s"}, "KAFKA_DELIVERY_TIMEOUT: "},
		"thrown out of the group":  {map[string]string{"KAFKA_HANDLER_TIMEOUT": "10s"}, "KAFKA_ATTEMPTS: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]string{
				"ENVIRONMENT": "staging", "ALLOW_MEMORY_STORE": "true", "BROKER": "kafka", "KAFKA_BROKERS": "a.test:9093, b.test:9093",
			}
			maps.Copy(values, test.values)

			found := strings.Join(problems(t, config.Worker, values), "\n")

			if !strings.HasPrefix(found, test.want) || test.want == "" && found != "" || strings.Contains(found, "hunter2") {
				t.Errorf("got %q, want %q", found, test.want)
			}
		})
	}
}

func TestThePasswordOfTheBrokerShowsNowhere(t *testing.T) {
	t.Parallel()

	loaded, err := config.Load(config.Worker, from(map[string]string{"KAFKA_SASL_PASSWORD": "hunter2"}))

	if shown := fmt.Sprintf("%v %+v %#v", loaded, loaded, loaded); err != nil || strings.Contains(shown, "hunter2") {
		t.Errorf("the password shows in %s, %v", shown, err)
	}
}
