package pipeline

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	folderMode = 0o750
	fileMode   = 0o640
	rawBuffer  = 256 << 10

	rawFolder   = "raw"
	runsFolder  = "runs"
	currentLink = "current"
	lockFile    = ".lock"
	workPrefix  = ".work-"
	lineageFile = "lineage.json"
)

var ErrBusy = errors.New("another run writes to the output folder")

// Disk creates the files that a run writes, and brings what a folder names to the disk itself.
type Disk interface {
	Create(path string) (Output, error)
	SyncFolder(path string) error
}

type Output interface {
	io.WriteCloser
	Sync() error
}

type OSDisk struct{}

func (OSDisk) Create(path string) (Output, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode) //nolint:gosec,wrapcheck // the caller names the path
}

func (OSDisk) SyncFolder(path string) error {
	opened, err := os.Open(path) //nolint:gosec // the caller names the path
	if err != nil {
		return err //nolint:wrapcheck // it names the folder
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// File is a file by what is in it.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

type rawDraft struct {
	file     Output
	buffered *bufio.Writer
	sum      hash.Hash
	bytes    int64
}

func newRawDraft(disk Disk, path string) (*rawDraft, error) {
	file, err := disk.Create(path)
	if err != nil {
		return nil, fmt.Errorf("store the input: %w", err)
	}
	return &rawDraft{file: file, buffered: bufio.NewWriterSize(file, rawBuffer), sum: sha256.New()}, nil
}

func (r *rawDraft) Write(content []byte) (int, error) {
	r.bytes += int64(len(content))
	_, _ = r.sum.Write(content)
	count, err := r.buffered.Write(content)
	if err != nil {
		return count, fmt.Errorf("store the input: %w", err)
	}
	return count, nil
}

func (r *rawDraft) Close() error {
	if err := errors.Join(r.buffered.Flush(), r.file.Sync(), r.file.Close()); err != nil {
		return fmt.Errorf("store the input: %w", err)
	}
	return nil
}

func (r *rawDraft) describe(name string) File {
	return File{Name: name, Bytes: r.bytes, SHA256: hex.EncodeToString(r.sum.Sum(nil))}
}

type folder struct {
	path string
	work string
	disk Disk
	lock *os.File
}

func openFolder(path string, disk Disk, keep int) (opened *folder, err error) {
	for _, name := range []string{rawFolder, runsFolder} {
		if err := os.MkdirAll(filepath.Join(path, name), folderMode); err != nil {
			return nil, fmt.Errorf("create output folder: %w", err)
		}
	}
	lock, err := takeLock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	opened = &folder{path: path, disk: disk, lock: lock}
	if err := errors.Join(opened.sweep(), opened.prune(keep)); err != nil {
		return nil, fmt.Errorf("clean output folder: %w", err)
	}
	if opened.work, err = os.MkdirTemp(path, workPrefix+"*"); err != nil {
		return nil, fmt.Errorf("create work folder: %w", err)
	}
	return opened, nil
}

func (f *folder) close() error {
	return errors.Join(os.RemoveAll(f.work), f.lock.Close())
}

func (f *folder) sweep() error {
	entries, err := os.ReadDir(f.path)
	errs := []error{err}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), workPrefix) {
			errs = append(errs, os.RemoveAll(filepath.Join(f.path, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

func (f *folder) prune(keep int) error {
	runs, err := f.runs()
	if err != nil {
		return err
	}
	served, _ := os.Readlink(filepath.Join(f.path, currentLink))
	excess := len(runs) - keep + 1
	named := map[string]bool{}
	var errs []error
	for i, run := range runs {
		if i < excess && run != served {
			errs = append(errs, os.RemoveAll(filepath.Join(f.path, run)))
			continue
		}
		raw, err := f.rawOf(run)
		named[raw] = true
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return f.pruneRaw(named)
}

func (f *folder) runs() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.path, runsFolder))
	var runs []string
	for _, entry := range entries {
		run := filepath.Join(runsFolder, entry.Name())
		if _, err := os.Stat(filepath.Join(f.path, run, lineageFile)); err == nil && isRun(entry.Name()) {
			runs = append(runs, run)
		}
	}
	return runs, err //nolint:wrapcheck // the caller says what was tried
}

func (f *folder) rawOf(run string) (string, error) {
	text, err := os.ReadFile(filepath.Join(f.path, run, lineageFile)) //nolint:gosec // below the output folder
	if err != nil {
		return "", err //nolint:wrapcheck // it names the file
	}
	var lineage Lineage
	if err := json.Unmarshal(text, &lineage); err != nil {
		return "", fmt.Errorf("read lineage of %s: %w", run, err)
	}
	return lineage.RawFile, nil
}

func isRaw(name string) bool {
	sum, found := strings.CutSuffix(name, rawSuffix)
	decoded, err := hex.DecodeString(sum)
	return found && err == nil && len(decoded) == sha256.Size
}

func isRun(name string) bool {
	_, err := time.Parse(runTime, name[:min(len(name), len(runTime))])
	return err == nil
}

func (f *folder) pruneRaw(named map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(f.path, rawFolder))
	errs := []error{err}
	for _, entry := range entries {
		if name := filepath.Join(rawFolder, entry.Name()); isRaw(entry.Name()) && !named[name] {
			errs = append(errs, os.Remove(filepath.Join(f.path, name)))
		}
	}
	return errors.Join(errs...)
}
