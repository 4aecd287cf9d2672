package schema

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"
)

const (
	StateApplied     = "applied"
	StatePending     = "pending"
	StateInterrupted = "interrupted"
	StateEdited      = "edited"
	StateNewer       = "newer"
)

var (
	ErrEdited = errors.New("an applied migration was edited; restore its file and put the change into a new migration")
	ErrLocked = errors.New("another process migrates this database")
	ErrBehind = errors.New("database schema is behind this version; run the migrate process first (make run-migrate)")
	ErrAhead  = errors.New("database schema has dropped what this version still reads; deploy a newer version")
)

// Migration is one migration and how far it is: applied, pending, interrupted (begun and not finished; up repeats it),
// edited (the file is not what was applied) or newer (applied by a newer build, unknown to this one).
type Migration struct {
	Version   int64
	Name      string
	State     string
	AppliedAt time.Time
}

// File is a migration as this build knows it. OldestBuild is the migration that a build must know to run after it, or 0.
type File struct {
	Version     int64
	Name        string
	Checksum    string
	OldestBuild int64
	Text        []byte
}

// Row is what the ledger of a database holds of a migration. FinishedAt is zero until it is applied.
type Row struct {
	File

	FinishedAt time.Time
}

// Read gives the migrations in a folder by their numbers. The oldest build is read from a file by the function given.
func Read(files fs.FS, extension string, oldestBuild func(text []byte) (int64, error)) ([]File, error) {
	names, err := fs.Glob(files, "*"+extension)
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	found := make([]File, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		one, err := parse(path.Base(name), text)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		if one.OldestBuild, err = oldestBuild(text); err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		found = append(found, one)
	}
	slices.SortFunc(found, func(a, b File) int { return cmp.Compare(a.Version, b.Version) })
	return found, nil
}

func parse(name string, text []byte) (File, error) {
	number := regexp.MustCompile(`^([0-9]+)_`).FindStringSubmatch(name)
	if number == nil {
		return File{}, errors.New("name has no number, want for example 00002_add_channel" + path.Ext(name))
	}
	version, err := strconv.ParseInt(number[1], 10, 64)
	if err != nil {
		return File{}, fmt.Errorf("parse number: %w", err)
	}
	sum := sha256.Sum256(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	return File{Version: version, Name: name, Checksum: hex.EncodeToString(sum[:]), Text: text}, nil
}

// States says how far each migration is, by what is recorded. A row without a checksum is taken for what the file says.
func States(files []File, recorded map[int64]Row) []Migration {
	states := make([]Migration, 0, len(files))
	known := make(map[int64]bool, len(files))
	for _, file := range files {
		known[file.Version] = true
		row, begun := recorded[file.Version]
		one := Migration{Version: file.Version, Name: file.Name, State: StatePending, AppliedAt: row.FinishedAt}
		switch {
		case !row.FinishedAt.IsZero() && row.Checksum != "" && row.Checksum != file.Checksum:
			one.State = StateEdited
		case !row.FinishedAt.IsZero():
			one.State = StateApplied
		case begun:
			one.State = StateInterrupted
		}
		states = append(states, one)
	}
	for version, row := range recorded {
		if !known[version] {
			states = append(states, Migration{Version: version, Name: row.Name, State: StateNewer, AppliedAt: row.FinishedAt})
		}
	}
	slices.SortFunc(states, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	return states
}

// Judge refuses a database that a build with these files cannot work with.
func Judge(files []File, recorded map[int64]Row) error {
	var newest int64
	for _, file := range files {
		newest = max(newest, file.Version)
		row, begun := recorded[file.Version]
		switch {
		case !begun:
			return fmt.Errorf("%w: %s is not applied", ErrBehind, file.Name)
		case row.FinishedAt.IsZero():
			return fmt.Errorf("%w: %s began and did not finish; migrate repeats it", ErrBehind, file.Name)
		}
	}
	for _, row := range recorded {
		if row.OldestBuild > newest {
			return fmt.Errorf("%w: %s wants a build that knows migration %d, this one knows %d", ErrAhead, row.Name, row.OldestBuild, newest)
		}
	}
	return nil
}
