package mongo_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
	"{{ cookiecutter.__go_module }}/internal/adapters/contract/faultproxy"
	"{{ cookiecutter.__go_module }}/internal/adapters/mongo"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/migrations"
)

const (
	noServer = "TEST_DATABASE_URL is not set: give it the URL of a MongoDB replica set, " +
		"or MONGOD the path of a mongod to start, then make test-integration"
	alreadyInitiated = 23
	noSuchCommand    = 59
	never            = 2147483647
)

type replicaSet struct {
	once    sync.Once
	address string
	err     error
	stop    func()
}

var own replicaSet

func TestMain(m *testing.M) {
	code := m.Run()
	if own.stop != nil {
		own.stop()
	}
	os.Exit(code)
}

func server(tb testing.TB) string {
	tb.Helper()
	if address := os.Getenv("TEST_DATABASE_URL"); address != "" {
		return address
	}
	binary := os.Getenv("MONGOD")
	if binary == "" {
		tb.Skip(noServer)
	}
	own.once.Do(func() { own.address, own.stop, own.err = startServer(binary, true) })
	if own.err != nil {
		tb.Fatalf("start %s: %v", binary, own.err)
	}
	return own.address
}

func startServer(binary string, replicated bool) (string, func(), error) {
	folder, err := os.MkdirTemp("", "mongod-")
	if err != nil {
		return "", nil, err
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	words := []string{
		"--dbpath", folder, "--port", port, "--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25",
		"--setParameter", "enableTestCommands=1", "--setParameter", "diagnosticDataCollectionEnabled=false",
	}
	if replicated {
		words = append(words, "--replSet", "rs0", "--oplogSize", "64")
	}
	process := exec.Command(binary, words...)
	if err := process.Start(); err != nil {
		return "", nil, err
	}
	stop := func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		_ = os.RemoveAll(folder)
	}
	address := "127.0.0.1:" + port
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := initiate(ctx, address, replicated); err != nil {
		stop()
		return "", nil, err
	}
	return "mongodb://" + address + "/", stop, nil
}

func initiate(ctx context.Context, address string, replicated bool) error {
	client, err := driver.Connect(options.Client().ApplyURI("mongodb://" + address + "/?directConnection=true"))
	if err != nil {
		return err
	}
	defer client.Disconnect(context.WithoutCancel(ctx))
	admin := client.Database("admin")
	if replicated {
		members := bson.A{doc("_id", 0, "host", address)}
		set := doc("_id", "rs0", "members", members)
		err := admin.RunCommand(ctx, doc("replSetInitiate", set)).Err()
		if server, known := errors.AsType[driver.ServerError](err); err != nil && (!known || !server.HasErrorCode(alreadyInitiated)) {
			return err
		}
	}
	for {
		var hello struct {
			Writable bool `bson:"isWritablePrimary"`
		}
		err := admin.RunCommand(ctx, doc("hello", 1)).Decode(&hello)
		if err == nil && hello.Writable || ctx.Err() != nil {
			return err
		}
		<-time.After(20 * time.Millisecond)
	}
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

func doc(words ...any) bson.D {
	made := make(bson.D, 0, len(words)/2)
	for i := 0; i < len(words); i += 2 {
		made = append(made, bson.E{Key: words[i].(string), Value: words[i+1]})
	}
	return made
}

func discard() *slog.Logger {
	return slog.New(slog.DiscardHandler)
}

func settingsOf(address, database string) mongo.Settings {
	return mongo.Settings{
		URL: address, Database: database, Application: "store-" + database, MaxConns: 8,
		Timeout: 10 * time.Second, StartTimeout: 10 * time.Second,
	}
}

func emptyDatabase(tb testing.TB) (mongo.Settings, *driver.Database) {
	tb.Helper()
	settings := settingsOf(server(tb), "test_"+strings.ReplaceAll(string(order.NewID(time.Now())), "-", ""))
	client, err := driver.Connect(options.Client().ApplyURI(settings.URL).SetWriteConcern(writeconcern.Majority()))
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	direct := client.Database(settings.Database)
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context())
		if err := errors.Join(direct.Drop(ctx), client.Disconnect(ctx)); err != nil {
			tb.Errorf("drop database: %v", err)
		}
	})
	return settings, direct
}

func migrated(tb testing.TB) (mongo.Settings, *driver.Database) {
	tb.Helper()
	settings, direct := emptyDatabase(tb)
	migrator, err := mongo.NewMigrator(settings, migrations.Files)
	if err != nil {
		tb.Fatalf("open migrator: %v", err)
	}
	defer migrator.Close(tb.Context())
	if err := migrator.Up(tb.Context()); err != nil {
		tb.Fatalf("migrate: %v", err)
	}
	for collection, index := range map[string]string{
		"idempotency_keys": "idempotency_keys_expires_at", "processed_events": "processed_events_processed_at",
	} {
		later := doc("name", index, "expireAfterSeconds", never)
		command(tb, direct, doc("collMod", collection, "index", later))
	}
	return settings, direct
}

func command(tb testing.TB, database *driver.Database, words bson.D) bson.M {
	tb.Helper()
	var answer bson.M
	if err := database.RunCommand(tb.Context(), words).Decode(&answer); err != nil {
		tb.Fatalf("%s: %v", words[0].Key, err)
	}
	return answer
}

func open(tb testing.TB, settings mongo.Settings) *mongo.Store {
	tb.Helper()
	store, err := mongo.Open(tb.Context(), settings, discard())
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	tb.Cleanup(func() {
		if err := store.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return store
}

func through(t *testing.T, settings mongo.Settings) (*faultproxy.Proxy, mongo.Settings) {
	t.Helper()
	parsed, err := url.Parse(settings.URL)
	if err != nil {
		t.Fatalf("parse TEST_DATABASE_URL: %v", err)
	}
	proxy := faultproxy.Start(t, "tcp", parsed.Host)
	parsed.Host = proxy.Address()
	query := parsed.Query()
	query.Del("replicaSet")
	query.Set("directConnection", "true")
	parsed.RawQuery = query.Encode()
	settings.URL = parsed.String()
	return proxy, settings
}

type faults struct {
	*faultproxy.Proxy

	direct *driver.Database
	rules  any
}

func (f *faults) RefuseEvents(t *testing.T, refuse bool) {
	t.Helper()
	validator := f.rules
	if refuse {
		answer := command(t, f.direct, doc("listCollections", 1, "filter", doc("name", "outbox")))
		raw, err := bson.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		f.rules = bson.Raw(raw).Lookup("cursor", "firstBatch", "0", "options", "validator").Document()
		validator = doc("refused", true)
	}
	command(t, f.direct, doc("collMod", "outbox", "validator", validator))
}

var failPoint sync.Mutex

func failing(t *testing.T, settings mongo.Settings, direct *driver.Database, times int, how bson.D) {
	t.Helper()
	admin := direct.Client().Database("admin")
	failPoint.Lock()
	t.Cleanup(func() {
		defer failPoint.Unlock()
		off := doc("configureFailPoint", "failCommand", "mode", "off")
		_ = admin.RunCommand(context.WithoutCancel(t.Context()), off).Err()
	})
	data := append(doc("appName", settings.Application), how...)
	on := doc("configureFailPoint", "failCommand", "mode", doc("times", times), "data", data)
	err := admin.RunCommand(t.Context(), on).Err()
	if refused, known := errors.AsType[driver.ServerError](err); known && refused.HasErrorCode(noSuchCommand) {
		t.Skip("the server runs without enableTestCommands, so it cannot be told to fail")
	}
	if err != nil {
		t.Fatalf("set fail point: %v", err)
	}
}

func TestIntegrationStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(t *testing.T) contract.Subject {
		t.Helper()
		settings, direct := migrated(t)
		proxy, proxied := through(t, settings)
		return contract.Subject{Store: open(t, proxied), Faults: &faults{Proxy: proxy, direct: direct}}
	})
}
