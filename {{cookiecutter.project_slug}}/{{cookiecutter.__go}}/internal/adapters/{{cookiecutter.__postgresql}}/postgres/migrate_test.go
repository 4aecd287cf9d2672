package postgres_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/postgres"
	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
	"{{ cookiecutter.__go_module }}/migrations"
)

const (
	boats = "-- +goose Up\nCREATE TABLE boats (id bigint PRIMARY KEY);\n-- +goose Down\nDROP TABLE boats;\n"
	sails = "-- +goose Up\nALTER TABLE boats ADD COLUMN sails bigint;\n-- +goose Down\nALTER TABLE boats DROP COLUMN sails;\n"
	wreck = "-- +goose Up\nALTER TABLE boats ADD COLUMN hull bigint;\nSELECT nothing;\n"
)

func files(texts ...string) fstest.MapFS {
	names := []string{"00001_boats.sql", "00002_sails.sql", "00003_more.sql"}
	made := fstest.MapFS{}
	for i, text := range texts {
		made[names[i]] = &fstest.MapFile{Data: []byte(text)}
	}
	return made
}

func migrator(t *testing.T, settings postgres.Settings, from fs.FS) *postgres.Migrator {
	t.Helper()
	made, err := postgres.NewMigrator(settings, from)
	if err != nil {
		t.Fatalf("open migrator: %v", err)
	}
	t.Cleanup(func() { made.Close(t.Context()) })
	return made
}

func states(t *testing.T, made *postgres.Migrator) string {
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

func up(t *testing.T, made *postgres.Migrator) {
	t.Helper()
	if err := made.Up(t.Context()); err != nil {
		t.Fatalf("up: %v", err)
	}
}

func TestIntegrationStatusChangesNothingAndUpIsRepeatable(t *testing.T) {
	t.Parallel()
	settings := emptySchema(t)
	made := migrator(t, settings, files(boats, sails))

	before := states(t, made)
	again := states(t, made)
	up(t, made)
	up(t, made)
	after := states(t, made)

	if before != "pending|pending" || again != before || after != "applied|applied" {
		t.Errorf("got %q, %q, then %q", before, again, after)
	}
}

func TestIntegrationDownTakesTheNewestBack(t *testing.T) {
	t.Parallel()
	made := migrator(t, emptySchema(t), files(boats, sails))
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
	settings := emptySchema(t)
	up(t, migrator(t, settings, files(boats)))
	edited := migrator(t, settings, files(strings.Replace(boats, "id bigint", "id uuid", 1), sails))

	err := edited.Up(t.Context())

	if !errors.Is(err, schema.ErrEdited) || !strings.Contains(err.Error(), "00001_boats.sql") {
		t.Errorf("got %v, want the edited migration by name", err)
	}
	if got := states(t, migrator(t, settings, files(boats, sails))); got != "applied|pending" {
		t.Errorf("got %q, want the new migration untouched", got)
	}
}

func TestIntegrationLineEndsAreNoEdit(t *testing.T) {
	t.Parallel()
	settings := emptySchema(t)
	up(t, migrator(t, settings, files(boats)))

	err := migrator(t, settings, files(strings.ReplaceAll(boats, "\n", "\r\n"))).Up(t.Context())

	if err != nil {
		t.Errorf("up: %v", err)
	}
}

func TestIntegrationAFailedMigrationLeavesNothingAndIsRepeated(t *testing.T) {
	t.Parallel()
	settings := emptySchema(t)

	err := migrator(t, settings, files(boats, sails, wreck)).Up(t.Context())
	mended := migrator(t, settings, files(boats, sails, strings.Replace(wreck, "SELECT nothing;\n", "", 1)))
	interrupted := states(t, mended)
	up(t, mended)

	if err == nil || !strings.Contains(err.Error(), "00003_more.sql") {
		t.Errorf("got %v, want the failed migration by name", err)
	}
	if interrupted != "applied|applied|interrupted" || states(t, mended) != "applied|applied|applied" {
		t.Errorf("got %q, then %q", interrupted, states(t, mended))
	}
}

func TestIntegrationAnOlderBuildLeavesNewerMigrationsAlone(t *testing.T) {
	t.Parallel()
	settings := emptySchema(t)
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
	settings := emptySchema(t)
	slow := "-- +goose Up\nSELECT pg_sleep(0.2);\nCREATE TABLE boats (id bigint PRIMARY KEY);\n"
	var group sync.WaitGroup

	for range 4 {
		group.Go(func() {
			if err := migrator(t, settings, files(slow, sails)).Up(t.Context()); err != nil {
				t.Errorf("up: %v", err)
			}
		})
	}
	group.Wait()

	if got := states(t, migrator(t, settings, files(slow, sails))); got != "applied|applied" {
		t.Errorf("got %q", got)
	}
}

func TestIntegrationAMigrationThatFindsTheLockTakenSaysSo(t *testing.T) {
	t.Parallel()
	settings := emptySchema(t)
	holder := connect(t, settings.URL)
	execute(t, holder, `SELECT pg_advisory_lock(hashtextextended('migrate ' || current_schema(), 0))`)
	made := migrator(t, settings, files(boats))
	made.WaitForTheLock(50 * time.Millisecond)

	err := made.Up(t.Context())

	if !errors.Is(err, schema.ErrLocked) {
		t.Errorf("got %v, want a lock that is taken", err)
	}
}

func TestIntegrationOpenJudgesTheSchema(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		statement string
		want      error
		says      string
	}{
		"as it should be":          {`SELECT 1`, nil, ""},
		"empty":                    {`DROP TABLE migration_ledger`, schema.ErrBehind, "00001_orders.sql is not applied"},
		"interrupted":              {`UPDATE migration_ledger SET finished_at = NULL`, schema.ErrBehind, "00001_orders.sql began and did not finish"},
		"newer and compatible":     {`INSERT INTO migration_ledger VALUES (900, '00900_more.sql', 'x', 1, now(), now())`, nil, ""},
		"newer and contracted":     {`INSERT INTO migration_ledger VALUES (900, '00900_less.sql', 'x', 899, now(), now())`, schema.ErrAhead, "00900_less.sql wants a build that knows migration 899"},
		"newer, still in progress": {`INSERT INTO migration_ledger VALUES (900, '00900_more.sql', 'x', 0, now(), NULL)`, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := migrated(t)
			execute(t, connect(t, settings.URL), test.statement)

			store, err := postgres.Open(t.Context(), settings, discard())

			if store != nil {
				defer store.Close(t.Context())
			}
			if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v, %s", err, test.want, test.says)
			}
		})
	}
}

func TestMigrationsNeedANumber(t *testing.T) {
	t.Parallel()
	from := fstest.MapFS{"boats.sql": &fstest.MapFile{Data: []byte(boats)}}

	_, err := postgres.NewMigrator(settingsOf("postgres://127.0.0.1/none"), from)

	if err == nil || !strings.Contains(err.Error(), "boats.sql") {
		t.Errorf("got %v, want the file by name", err)
	}
}

func TestIntegrationEveryMigrationCanBeTakenBackAndRepeated(t *testing.T) {
	t.Parallel()
	made := migrator(t, emptySchema(t), migrations.Files)
	up(t, made)
	count := len(strings.Split(states(t, made), "|"))

	for range count {
		if err := made.Down(t.Context()); err != nil {
			t.Fatalf("down: %v", err)
		}
	}
	taken := states(t, made)
	up(t, made)

	if strings.Contains(taken, "applied") || strings.Contains(states(t, made), "pending") {
		t.Errorf("got %q, then %q", taken, states(t, made))
	}
}
