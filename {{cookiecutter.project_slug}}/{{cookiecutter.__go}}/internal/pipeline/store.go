package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	folderMode = 0o750
	fileMode   = 0o640
)

func storeRaw(folder string, batch Batch) (string, error) {
	name := filepath.Join("raw", batch.SHA256+".ndjson")
	return name, write(filepath.Join(folder, name), batch.Raw)
}

func serve(folder, name string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return write(filepath.Join(folder, name), append(text, '\n'))
}

func write(path string, content []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return fmt.Errorf("create folder of %s: %w", path, err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-*")
	if err != nil {
		return fmt.Errorf("create draft of %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(draft.Name()))
		}
	}()
	_, errWrite := draft.Write(content)
	if err := errors.Join(errWrite, draft.Chmod(fileMode), draft.Sync(), draft.Close()); err != nil {
		return fmt.Errorf("write draft of %s: %w", path, err)
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return fmt.Errorf("publish %s: %w", path, err)
	}
	return nil
}
