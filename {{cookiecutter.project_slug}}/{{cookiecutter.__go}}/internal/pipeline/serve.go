package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	summariesFile = "daily_summaries.json"
	rawSuffix     = ".ndjson"
	rawName       = "input" + rawSuffix
)

// Served is what readers of the result get. It depends on the orders alone: the same orders give the same bytes.
type Served struct {
	TransformVersion string         `json:"transform_version"`
	Days             []DailySummary `json:"days"`
}

func (f *folder) draft(name string, content any) (file File, err error) {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return File{}, fmt.Errorf("encode %s: %w", name, err)
	}
	text = append(text, '\n')
	if err := os.MkdirAll(f.drafts(), folderMode); err != nil {
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	output, err := f.disk.Create(filepath.Join(f.drafts(), name))
	if err != nil {
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	_, errWrite := output.Write(text)
	if err := errors.Join(errWrite, output.Sync(), output.Close()); err != nil {
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	sum := sha256.Sum256(text)
	return File{Name: name, Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}, nil
}

func (f *folder) drafts() string {
	return filepath.Join(f.work, "run")
}

func (f *folder) publish(lineage Lineage) error {
	run := filepath.Join(runsFolder, lineage.Run)
	steps := []func() error{
		func() error { return os.Rename(filepath.Join(f.work, rawName), filepath.Join(f.path, lineage.RawFile)) },
		func() error { return f.disk.SyncFolder(filepath.Join(f.path, rawFolder)) },
		func() error { return f.disk.SyncFolder(f.drafts()) },
		func() error { return os.Rename(f.drafts(), filepath.Join(f.path, run)) },
		func() error { return f.disk.SyncFolder(filepath.Join(f.path, runsFolder)) },
	}
	if lineage.Outcome == OutcomeServed {
		link := filepath.Join(f.work, currentLink)
		steps = append(steps,
			func() error { return os.Symlink(run, link) },
			func() error { return os.Rename(link, filepath.Join(f.path, currentLink)) },
			func() error { return f.disk.SyncFolder(f.path) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("publish run: %w", err)
		}
	}
	return nil
}
