package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"{{ cookiecutter.__go_module }}/internal/adapters/contract"
	"{{ cookiecutter.__go_module }}/internal/adapters/contract/faultproxy"
	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/domain/order"
	"{{ cookiecutter.__go_module }}/migrations"
)

func discard() *slog.Logger {
	return slog.New(slog.DiscardHandler)
}

func settingsOf(address string) postgres.Settings {
	return postgres.Settings{
		URL: address, Application: "store-test", MaxConns: 8, Timeout: 10 * time.Second,
		LockTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second, StartTimeout: 10 * time.Second,
	}
}

func emptySchema(tb testing.TB) postgres.Settings {
	tb.Helper()
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		tb.Skip("TEST_DATABASE_URL is not set: give it the URL of a PostgreSQL server, then make test-integration")
	}
	name := "test_" + strings.ReplaceAll(string(order.NewID(time.Now())), "-", "")
	admin := connect(tb, server)
	execute(tb, admin, "CREATE SCHEMA "+name)
	tb.Cleanup(func() {
		if _, err := admin.Exec(context.WithoutCancel(tb.Context()), fmt.Sprintf("DROP SCHEMA %s CASCADE", name)); err != nil {
			tb.Errorf("drop schema: %v", err)
		}
	})
	return settingsOf(edit(tb, server, func(_ *url.URL, query url.Values) { query.Set("search_path", name) }))
}

func edit(tb testing.TB, address string, change func(parsed *url.URL, query url.Values)) string {
	tb.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		tb.Fatalf("parse TEST_DATABASE_URL: %v", err)
	}
	query := parsed.Query()
	change(parsed, query)
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

func connect(tb testing.TB, address string) *pgx.Conn {
	tb.Helper()
	connection, err := pgx.Connect(tb.Context(), address)
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	tb.Cleanup(func() { connection.Close(context.WithoutCancel(tb.Context())) })
	return connection
}

func execute(tb testing.TB, connection *pgx.Conn, statement string, arguments ...any) {
	tb.Helper()
	if _, err := connection.Exec(tb.Context(), statement, arguments...); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

func migrated(tb testing.TB) postgres.Settings {
	tb.Helper()
	settings := emptySchema(tb)
	migrator, err := postgres.NewMigrator(settings, migrations.Files)
	if err != nil {
		tb.Fatalf("open migrator: %v", err)
	}
	defer migrator.Close(tb.Context())
	if err := migrator.Up(tb.Context()); err != nil {
		tb.Fatalf("migrate: %v", err)
	}
	return settings
}

func open(tb testing.TB, settings postgres.Settings) *postgres.Store {
	tb.Helper()
	store, err := postgres.Open(tb.Context(), settings, discard())
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

func through(t *testing.T, settings postgres.Settings) (*faultproxy.Proxy, postgres.Settings) {
	t.Helper()
	config, err := pgx.ParseConfig(settings.URL)
	if err != nil {
		t.Fatalf("parse TEST_DATABASE_URL: %v", err)
	}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	proxy := faultproxy.Start(t, network, address)
	settings.URL = edit(t, settings.URL, func(parsed *url.URL, query url.Values) {
		parsed.Host = proxy.Address()
		query.Del("host")
		query.Del("port")
		if network == "unix" {
			query.Set("sslmode", "disable")
		}
	})
	return proxy, settings
}

type faults struct {
	*faultproxy.Proxy

	admin *pgx.Conn
}

func (f faults) RefuseEvents(t *testing.T, refuse bool) {
	t.Helper()
	if !refuse {
		execute(t, f.admin, `DROP TRIGGER refuse_events ON outbox`)
		return
	}
	execute(t, f.admin, `CREATE OR REPLACE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`)
	execute(t, f.admin, `CREATE TRIGGER refuse_events BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION refuse_events()`)
}

func TestIntegrationStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(t *testing.T) contract.Subject {
		t.Helper()
		settings := migrated(t)
		proxy, proxied := through(t, settings)
		return contract.Subject{Store: open(t, proxied), Faults: faults{Proxy: proxy, admin: connect(t, settings.URL)}}
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
