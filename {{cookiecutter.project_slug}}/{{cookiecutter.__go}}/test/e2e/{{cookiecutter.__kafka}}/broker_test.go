package e2e_test

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	eventTopic = "orders.placed.v1"
	deadTopic  = "orders.placed.v1.dead"
)

func startBroker(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	made, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.SeedTopics(3, eventTopic), kfake.SeedTopics(1, deadTopic),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

func withBroker(brokers *kfake.Cluster) []string {
	return []string{"BROKER=kafka", "KAFKA_TLS=false", "KAFKA_BROKERS=" + strings.Join(brokers.ListenAddrs(), ",")}
}

func produce(t *testing.T, brokers *kfake.Cluster, value string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: eventTopic, Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func deadLetters(t *testing.T, binary, command, input string, environment []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run := exec.CommandContext(ctx, binary, command)
	run.Env = environment
	run.Stdin = strings.NewReader(input)
	var out, errOut bytes.Buffer
	run.Stdout, run.Stderr = &out, &errOut
	if err := run.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", command, err, out.String(), errOut.String())
	}
	return out.String()
}

func TestOrdersTravelOverABrokerThatGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	brokers := startBroker(t, kfake.DataDir(directory))
	port := kfake.Ports(brokerPort(t, brokers))
	api := launch(t, build(t, "api"), "Api started", withBroker(brokers)...)
	day := time.Now().UTC().Format(time.DateOnly)
	placeOrders(t, api, 10)
	awaitBody(t, "http://"+api.http+"/v1/summaries/daily?date="+day, `"orders":10`)

	brokers.Close()
	placeOrders(t, api, 10)
	back := startBroker(t, kfake.DataDir(directory), port)

	awaitBody(t, "http://"+api.http+"/v1/summaries/daily?date="+day, `"orders":20`)
	awaitBody(t, "http://"+api.admin+"/metrics", "outbox_pending 0")
	produce(t, back, "poison")
	awaitBody(t, "http://"+api.admin+"/metrics", `events_dead_letters_total{reason="unreadable"} 1`)
	api.terminate(t)
	api.await(t, "Api stopped")
	api.awaitExit(t, 0)
}

func TestDeadLettersAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	brokers := startBroker(t)
	binary := build(t, "deadletters")
	api := launch(t, build(t, "api"), "Api started", withBroker(brokers)...)
	produce(t, brokers, "poison")
	awaitBody(t, "http://"+api.admin+"/metrics", `events_dead_letters_total{reason="unreadable"} 1`)

	listed := deadLetters(t, binary, "list", "", withBroker(brokers))
	replayed := deadLetters(t, binary, "replay", "0:0\n", withBroker(brokers))

	if !strings.HasPrefix(listed, `{"position":"0:0","reason":"unreadable"`) || strings.Count(listed, "\n") != 1 {
		t.Errorf("got %s", listed)
	}
	if !strings.Contains(replayed, `"msg":"Dead letters replayed"`) || !strings.Contains(replayed, `"count":1`) {
		t.Errorf("got %s", replayed)
	}
	awaitBody(t, "http://"+api.admin+"/metrics", `events_dead_letters_total{reason="unreadable"} 2`)
}

func placeOrders(t *testing.T, api *process, count int) {
	t.Helper()
	for range count {
		if status, _, text := call(t, "POST", "http://"+api.http+"/v1/orders", order); status != 201 {
			t.Fatalf("got %d %s", status, text)
		}
	}
}

func brokerPort(t *testing.T, brokers *kfake.Cluster) int {
	t.Helper()
	_, port, err := net.SplitHostPort(brokers.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}
