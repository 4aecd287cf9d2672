package schema_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"{{ cookiecutter.__go_module }}/internal/adapters/schema"
)

func none([]byte) (int64, error) { return 0, nil }

func read(t *testing.T, names ...string) []schema.File {
	t.Helper()
	from := fstest.MapFS{}
	for _, name := range names {
		from[name] = &fstest.MapFile{Data: []byte(name + "\n")}
	}
	found, err := schema.Read(from, ".sql", none)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFilesAreReadByTheirNumbers(t *testing.T) {
	t.Parallel()

	found := read(t, "9_later.sql", "00002_more.sql", "100_last.sql")

	if len(found) != 3 || found[0].Version != 2 || found[1].Version != 9 || found[2].Version != 100 {
		t.Errorf("got %+v", found)
	}
}

func TestAFileNeedsANumberAndAReadableText(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	from := func(name string) fstest.MapFS { return fstest.MapFS{name: &fstest.MapFile{}} }

	_, errName := schema.Read(from("boats.sql"), ".sql", none)
	_, errText := schema.Read(from("1_boats.sql"), ".sql", func([]byte) (int64, error) { return 0, broken })

	if errName == nil || !strings.Contains(errName.Error(), "boats.sql: name has no number") {
		t.Errorf("got %v, want the file by name", errName)
	}
	if !errors.Is(errText, broken) || !strings.Contains(errText.Error(), "1_boats.sql") {
		t.Errorf("got %v, want the file by name", errText)
	}
}

func TestStatesAndJudgement(t *testing.T) {
	t.Parallel()
	files := read(t, "1_boats.sql", "2_sails.sql")
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	row := func(file schema.File, at time.Time) schema.Row { return schema.Row{File: file, FinishedAt: at} }
	edited := row(files[0], at)
	edited.Checksum = "another"
	unsigned := row(files[0], at)
	unsigned.Checksum = ""
	newer := schema.Row{File: schema.File{Version: 9, Name: "9_more.sql", OldestBuild: 2}, FinishedAt: at}
	ahead := schema.Row{File: schema.File{Version: 9, Name: "9_less.sql", OldestBuild: 3}, FinishedAt: at}
	second := row(files[1], at)
	tests := map[string]struct {
		recorded map[int64]schema.Row
		states   string
		judged   error
	}{
		"empty":       {nil, "pending|pending", schema.ErrBehind},
		"behind":      {map[int64]schema.Row{1: row(files[0], at)}, "applied|pending", schema.ErrBehind},
		"interrupted": {map[int64]schema.Row{1: row(files[0], at), 2: row(files[1], time.Time{})}, "applied|interrupted", schema.ErrBehind},
		"edited":      {map[int64]schema.Row{1: edited, 2: second}, "edited|applied", nil},
		"unsigned":    {map[int64]schema.Row{1: unsigned, 2: second}, "applied|applied", nil},
		"newer":       {map[int64]schema.Row{1: row(files[0], at), 2: second, 9: newer}, "applied|applied|newer", nil},
		"ahead":       {map[int64]schema.Row{1: row(files[0], at), 2: second, 9: ahead}, "applied|applied|newer", schema.ErrAhead},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var states []string

			for _, one := range schema.States(files, test.recorded) {
				states = append(states, one.State)
			}
			err := schema.Judge(files, test.recorded)

			if strings.Join(states, "|") != test.states || !errors.Is(err, test.judged) {
				t.Errorf("got %v, %v; want %s, %v", states, err, test.states, test.judged)
			}
		})
	}
}
