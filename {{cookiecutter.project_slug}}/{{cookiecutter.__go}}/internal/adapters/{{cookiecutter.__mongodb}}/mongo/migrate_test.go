package mongo_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"{{ cookiecutter.__go_module }}/internal/adapters/mongo"
	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
	"{{ cookiecutter.__go_module }}/migrations"
)

const (
	boats = `{"up": [{"create": "boats"}, {"insert": "boats", "documents": [{"_id": 1}]}], "down": [{"drop": "boats"}]}` + "\n"
	sails = `{"up": [{"createIndexes": "boats", "indexes": [{"name": "sails", "key": {"sails": 1}}]}],
"down": [{"dropIndexes": "boats", "index": "sails"}]}`
	wreck = `{"up": [{"create": "wrecks"}, {"sink": 1}], "down": [{"drop": "wrecks"}]}`
)

func files(texts ...string) fstest.MapFS {
	names := []string{"00001_boats.json", "00002_sails.json", "00003_more.json"}
	made := fstest.MapFS{}
	for i, text := range texts {
		made[names[i]] = &fstest.MapFile{Data: []byte(text)}
	}
	return made
}

func migrator(t *testing.T, settings mongo.Settings, from fs.FS) *mongo.Migrator {
	t.Helper()
	made, err := mongo.NewMigrator(settings, from)
	if err != nil {
		t.Fatalf("open migrator: %v", err)
	}
	t.Cleanup(func() { made.Close(t.Context()) })
	return made
}

func states(t *testing.T, made *mongo.Migrator) string {
	t.Helper()
	found, err := made.Status(t.Context())
	if err != nil {
		t.Fatalf("status: %v", err)
	}
	all := make([]string, 0, len(found))
	for _, one := range found {
		all = append(all, one.State)
		if (one.State == schema.StateApplied) == one.AppliedAt.IsZero() {
			t.Errorf("%+v: state and time do not fit", one)
		}
	}
	return strings.Join(all, "|")
}

func up(t *testing.T, made *mongo.Migrator) {
	t.Helper()
	if err := made.Up(t.Context()); err != nil {
		t.Fatalf("up: %v", err)
	}
}

func TestIntegrationStatusChangesNothingAndUpIsRepeatable(t *testing.T) {
	t.Parallel()
	settings, direct := emptyDatabase(t)
	made := migrator(t, settings, files(boats, sails))

	before := states(t, made)
	again := states(t, made)
	collections, err := direct.ListCollectionNames(t.Context(), bson.D{})
	up(t, made)
	up(t, made)
	after := states(t, made)

	if before != "pending|pending" || again != before || after != "applied|applied" || err != nil || len(collections) != 0 {
		t.Errorf("got %q, %q, then %q; %v before, %v", before, again, after, collections, err)
	}
}

func TestIntegrationDownTakesTheNewestBack(t *testing.T) {
	t.Parallel()
	settings, _ := emptyDatabase(t)
	made := migrator(t, settings, files(boats, sails))
	up(t, made)

	errDown := made.Down(t.Context())
	after := states(t, made)
	up(t, made)

	if errDown != nil || after != "applied|pending" || states(t, made) != "applied|applied" {
		t.Errorf("got %v, %q", errDown, after)
	}
}

func TestIntegrationAnEditedMigrationIsRefusedByName(t *testing.T) {
	t.Parallel()
	settings, _ := emptyDatabase(t)
	up(t, migrator(t, settings, files(boats)))
	edited := migrator(t, settings, files(strings.Replace(boats, `"_id": 1`, `"_id": 2`, 1), sails))

	err := edited.Up(t.Context())

	if !errors.Is(err, schema.ErrEdited) || !strings.Contains(err.Error(), "00001_boats.json") {
		t.Errorf("got %v, want the edited migration by name", err)
	}
	if got := states(t, migrator(t, settings, files(boats, sails))); got != "applied|pending" {
		t.Errorf("got %q, want the new migration untouched", got)
	}
}

func TestIntegrationLineEndsAreNoEdit(t *testing.T) {
	t.Parallel()
	settings, _ := emptyDatabase(t)
	up(t, migrator(t, settings, files(boats)))

	err := migrator(t, settings, files(strings.ReplaceAll(boats, "\n", "\r\n"))).Up(t.Context())

	if err != nil {
		t.Errorf("up: %v", err)
	}
}

func TestIntegrationAFailedMigrationIsRepeated(t *testing.T) {
	t.Parallel()
	settings, _ := emptyDatabase(t)

	err := migrator(t, settings, files(boats, sails, wreck)).Up(t.Context())
	mended := migrator(t, settings, files(boats, sails, strings.Replace(wreck, `, {"sink": 1}`, "", 1)))
	interrupted := states(t, mended)
	up(t, mended)

	if err == nil || !strings.Contains(err.Error(), "00003_more.json: command 2, sink") {
		t.Errorf("got %v, want the failed command by name", err)
	}
	if interrupted != "applied|applied|interrupted" || states(t, mended) != "applied|applied|applied" {
		t.Errorf("got %q, then %q", interrupted, states(t, mended))
	}
}

func TestIntegrationAWriteThatTheServerRefusesFailsItsMigration(t *testing.T) {
	t.Parallel()
	settings, _ := emptyDatabase(t)
	twice := `{"up": [{"insert": "boats", "documents": [{"_id": 1}, {"_id": 1}]}]}`

	err := migrator(t, settings, files(twice)).Up(t.Context())

	if err == nil || !strings.Contains(err.Error(), "E11000") {
		t.Errorf("got %v, want the refused write", err)
	}
}

func TestIntegrationAnOlderBuildLeavesNewerMigrationsAlone(t *testing.T) {
	t.Parallel()
	settings, _ := emptyDatabase(t)
	up(t, migrator(t, settings, files(boats, sails)))
	older := migrator(t, settings, files(boats))

	err := older.Up(t.Context())

	found, errStatus := older.Status(t.Context())
	if err := errors.Join(err, errStatus); err != nil || len(found) != 2 || found[1].State != schema.StateNewer {
		t.Errorf("got %+v, %v", found, err)
	}
}

func TestIntegrationManyMigrateAtOnceAndEachMigrationRunsOnce(t *testing.T) {
	t.Parallel()
	settings, direct := emptyDatabase(t)
	counted := `{"up": [{"update": "runs", "updates": [{"q": {"_id": 1}, "u": {"$inc": {"count": 1}}, "upsert": true}]}]}`
	var group sync.WaitGroup

	for range 4 {
		group.Go(func() {
			if err := migrator(t, settings, files(counted)).Up(t.Context()); err != nil {
				t.Errorf("up: %v", err)
			}
		})
	}
	group.Wait()

	var runs struct {
		Count int `bson:"count"`
	}
	err := direct.Collection("runs").FindOne(t.Context(), doc("_id", 1)).Decode(&runs)
	if err != nil || runs.Count != 1 {
		t.Errorf("ran %d times, %v; want once", runs.Count, err)
	}
}

func hold(t *testing.T, direct *driver.Database, until time.Time) {
	t.Helper()
	if _, err := direct.Collection("migration_lock").InsertOne(t.Context(), doc("_id", "migrate", "owner", "another", "until", until)); err != nil {
		t.Fatal(err)
	}
}

func TestIntegrationAMigrationThatFindsTheLockTakenSaysSo(t *testing.T) {
	t.Parallel()
	settings, direct := emptyDatabase(t)
	hold(t, direct, time.Now().Add(time.Hour))
	made := migrator(t, settings, files(boats))
	made.WaitForTheLock(50 * time.Millisecond)

	err := made.Up(t.Context())

	if !errors.Is(err, schema.ErrLocked) {
		t.Errorf("got %v, want a lock that is taken", err)
	}
}

func TestIntegrationTheLockOfADeadProcessEnds(t *testing.T) {
	t.Parallel()
	settings, direct := emptyDatabase(t)
	hold(t, direct, time.Now().Add(-time.Second))
	made := migrator(t, settings, files(boats))

	up(t, made)

	left, err := direct.Collection("migration_lock").CountDocuments(t.Context(), bson.D{})
	if err != nil || left != 0 || states(t, made) != "applied" {
		t.Errorf("%d locks are left, %v", left, err)
	}
}

func TestIntegrationALongMigrationKeepsItsLock(t *testing.T) {
	t.Parallel()
	settings, _ := emptyDatabase(t)
	slow := `{"up": [{"create": "boats"}, {"insert": "boats", "documents": [{"_id": 1}]},
{"find": "boats", "filter": {"$where": "sleep(5000) || true"}}]}`
	first, second := migrator(t, settings, files(slow)), migrator(t, settings, files(slow))
	first.LeaseTheLock(1500 * time.Millisecond)
	done := make(chan error, 1)
	go func() { done <- first.Up(t.Context()) }()
	deadline := time.Now().Add(10 * time.Second)
	for states(t, second) != "interrupted" && time.Now().Before(deadline) {
		<-time.After(5 * time.Millisecond)
	}
	second.WaitForTheLock(2500 * time.Millisecond)

	err := second.Up(t.Context())

	if errFirst := <-done; errFirst != nil || !errors.Is(err, schema.ErrLocked) {
		t.Errorf("got %v beside %v; want the lock to be held", err, errFirst)
	}
}

func TestIntegrationOpenJudgesTheSchema(t *testing.T) {
	t.Parallel()
	row := func(name string, oldest int64, finished any) bson.D {
		return doc("insert", "migration_ledger", "documents", bson.A{
			doc("_id", int64(900), "name", name, "checksum", "x", "oldest_build", oldest, "began_at", time.Now(), "finished_at", finished),
		})
	}
	tests := map[string]struct {
		command bson.D
		want    error
		says    string
	}{
		"as it should be": {doc("ping", 1), nil, ""},
		"empty":           {doc("drop", "migration_ledger"), schema.ErrBehind, "00001_orders.json is not applied"},
		"interrupted": {
			doc("update", "migration_ledger", "updates", bson.A{doc("q", doc(), "u", doc("$unset", doc("finished_at", "")))}),
			schema.ErrBehind, "00001_orders.json began and did not finish",
		},
		"newer and compatible":     {row("00900_more.json", 1, time.Now()), nil, ""},
		"newer and contracted":     {row("00900_less.json", 899, time.Now()), schema.ErrAhead, "00900_less.json wants a build that knows migration 899"},
		"newer, still in progress": {row("00900_more.json", 0, nil), nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, direct := migrated(t)
			command(t, direct, test.command)

			store, err := mongo.Open(t.Context(), settings, discard())

			if store != nil {
				defer store.Close(t.Context())
			}
			if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v, %s", err, test.want, test.says)
			}
		})
	}
}

func TestMigrationsNeedANumberAndCommands(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, text, says string }{
		"no number":        {"boats.json", boats, "boats.json"},
		"no document":      {"1_boats.json", "[]", "1_boats.json: read commands"},
		"broken text":      {"1_boats.json", `{"up": `, "1_boats.json: read commands"},
		"an empty command": {"1_boats.json", `{"up": [{}]}`, "1_boats.json: read commands: a command is empty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := fstest.MapFS{test.name: &fstest.MapFile{Data: []byte(test.text)}}

			_, err := mongo.NewMigrator(settingsOf("mongodb://127.0.0.1/", "none"), from)

			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestIntegrationEveryMigrationCanBeTakenBackAndRepeated(t *testing.T) {
	t.Parallel()
	settings, direct := emptyDatabase(t)
	made := migrator(t, settings, migrations.Files)
	up(t, made)
	count := len(strings.Split(states(t, made), "|"))

	for range count {
		if err := made.Down(t.Context()); err != nil {
			t.Fatalf("down: %v", err)
		}
	}
	taken := states(t, made)
	left, err := direct.ListCollectionNames(t.Context(), doc("name", doc("$not", bson.Regex{Pattern: "^migration_"})))
	up(t, made)

	if strings.Contains(taken, "applied") || strings.Contains(states(t, made), "pending") || err != nil || len(left) != 0 {
		t.Errorf("got %q, then %q; %v was left, %v", taken, states(t, made), left, err)
	}
}

func TestIntegrationEveryMigrationBearsToBeRepeated(t *testing.T) {
	t.Parallel()
	settings, direct := emptyDatabase(t)
	made := migrator(t, settings, migrations.Files)
	up(t, made)
	applied := states(t, made)
	unfinished := doc("q", doc(), "u", doc("$unset", doc("finished_at", "")), "multi", true)
	command(t, direct, doc("update", "migration_ledger", "updates", bson.A{unfinished}))

	interrupted := states(t, made)
	err := made.Up(t.Context())

	if err != nil || !strings.HasPrefix(interrupted, "interrupted") || states(t, made) != applied {
		t.Errorf("got %v, %q, then %q; want %q", err, interrupted, states(t, made), applied)
	}
}

func TestIntegrationWhatHasServedItsTimeEndsWithoutAWorkerToo(t *testing.T) {
	t.Parallel()
	settings, direct := emptyDatabase(t)
	up(t, migrator(t, settings, migrations.Files))
	tests := map[string]struct {
		collection string
		want       int32
	}{
		"idempotency_keys_expires_at":   {"idempotency_keys", 24 * 3600},
		"processed_events_processed_at": {"processed_events", 366 * 24 * 3600},
	}
	for name, test := range tests {
		indexes, err := direct.Collection(test.collection).Indexes().ListSpecifications(t.Context())

		found := false
		for _, index := range indexes {
			found = found || index.Name == name && index.ExpireAfterSeconds != nil && *index.ExpireAfterSeconds == test.want
		}
		if err != nil || !found {
			t.Errorf("%s: got %+v, %v; want a TTL of %d s", name, indexes, err, test.want)
		}
	}
}
