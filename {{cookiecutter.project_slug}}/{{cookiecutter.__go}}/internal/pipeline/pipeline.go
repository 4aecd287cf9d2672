package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrRefused says that the input breaks the quality rules; what was served before is still served.
var ErrRefused = errors.New("the input breaks the quality rules")

type Stage string

const (
	StageIngest    Stage = "ingest"
	StageTransform Stage = "transform"
	StageServe     Stage = "serve"
)

type State int

const (
	Started State = iota
	Running
	Done
)

// Progress is told when a stage starts, from time to time while it runs, and when it is done. Size is 0 where it is not
// known.
type Progress struct {
	Stage Stage
	State State
	Rows  int64
	Bytes int64
	Size  int64
}

// Settings of a run. SortMemory is in bytes. KeepRuns counts the run itself.
type Settings struct {
	Source     Source
	Catalogue  Catalogue
	Folder     string
	Build      string
	Limits     Limits
	SortMemory int64
	KeepRuns   int
	Disk       Disk
	Now        func() time.Time
	Observe    func(Progress)
}

type run struct {
	Settings

	folder  *folder
	sorter  *sorter
	quality *quality
	counts  Counts
}

// Run takes the source through all stages: ingest, store, validate, transform, serve. The orders alone decide what is
// served, not the order of their lines. Run returns ErrRefused, with the lineage of the refused run, when the input breaks
// the rules, and ErrBusy when another run has the folder. Whatever the error, what was served before is still served.
func Run(ctx context.Context, settings Settings) (lineage Lineage, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := settings.Now().UTC()
	opened, err := openFolder(settings.Folder, settings.Disk, settings.KeepRuns)
	if err != nil {
		return Lineage{}, err
	}
	defer func() { err = errors.Join(err, opened.close()) }()
	r := &run{Settings: settings, folder: opened, sorter: newSorter(settings.Disk, opened.work, settings.SortMemory)}
	input, err := r.ingest(ctx)
	if err != nil {
		return Lineage{}, fmt.Errorf("ingest: %w", err)
	}
	days, err := r.transform(ctx)
	if err != nil {
		return Lineage{}, fmt.Errorf("transform: %w", err)
	}
	lineage = r.lineage(started, input)
	if err := ctx.Err(); err != nil {
		return Lineage{}, fmt.Errorf("serve: %w", err)
	}
	broken, err := r.serve(&lineage, days)
	if err != nil {
		return Lineage{}, fmt.Errorf("serve: %w", err)
	}
	if len(broken) > 0 {
		return lineage, refuse(broken)
	}
	return lineage, nil
}

func (r *run) ingest(ctx context.Context) (File, error) {
	raw, err := newRawDraft(r.Disk, filepath.Join(r.folder.work, rawName))
	if err != nil {
		return File{}, err
	}
	rows := newValidator(r.Catalogue)
	r.quality = rows.quality
	progress := Progress{Stage: StageIngest, Size: r.Source.Size}
	r.Observe(progress)
	progress.State = Running
	err = eachLine(readAhead(ctx, r.Source, raw), func(read line) error {
		r.counts.Read++
		progress.Rows++
		progress.Bytes += read.bytes
		if progress.Rows%rowsPerSignal == 0 {
			r.Observe(progress)
		}
		one, accepted := rows.judge(read)
		if !accepted {
			r.counts.Rejected++
			return nil
		}
		return r.sorter.add(ctx, one)
	})
	if err != nil {
		return File{}, err
	}
	if r.counts.Read == 0 {
		r.quality.note(ruleNotEmpty, 1, "the input holds no rows")
	}
	progress.State, progress.Bytes = Done, raw.bytes
	r.Observe(progress)
	return raw.describe(r.Source.Name), nil
}

func (r *run) transform(ctx context.Context) ([]DailySummary, error) {
	progress := Progress{Stage: StageTransform}
	r.Observe(progress)
	progress.State = Running
	days, err := transform(ctx, r.sorter, r.quality, &r.counts, func() {
		progress.Rows += rowsPerSignal
		r.Observe(progress)
	})
	if err != nil {
		return nil, err
	}
	r.Observe(Progress{Stage: StageTransform, State: Done, Rows: r.counts.Accepted})
	return days, nil
}

func (r *run) serve(lineage *Lineage, days []DailySummary) ([]Result, error) {
	r.Observe(Progress{Stage: StageServe})
	lineage.Rows, lineage.Rules = r.counts, r.quality.results
	broken := r.quality.refused(r.counts, r.Limits)
	if len(broken) > 0 {
		lineage.Outcome = OutcomeRefused
	} else {
		file, err := r.folder.draft(summariesFile, Served{TransformVersion: TransformVersion, Days: days})
		if err != nil {
			return nil, err
		}
		lineage.Outputs = append(lineage.Outputs, file)
	}
	lineage.EndedAt = r.Now().UTC()
	if _, err := r.folder.draft(lineageFile, lineage); err != nil {
		return nil, err
	}
	if err := r.folder.publish(*lineage); err != nil {
		return nil, err
	}
	r.Observe(Progress{Stage: StageServe, State: Done, Rows: int64(len(days))})
	return broken, nil
}

func refuse(broken []Result) error {
	parts := make([]string, 0, len(broken))
	for _, one := range broken {
		lines := make([]string, 0, len(one.Lines))
		for _, line := range one.Lines {
			lines = append(lines, strconv.FormatInt(line, 10))
		}
		parts = append(parts, fmt.Sprintf("%s in %d rows, lines %s (%s)", one.Rule, one.Count, strings.Join(lines, ", "), one.Example))
	}
	return fmt.Errorf("%w: %s", ErrRefused, strings.Join(parts, "; "))
}
