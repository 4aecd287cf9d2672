package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"{{ cookiecutter.__go_module }}/internal/pipeline"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/redact"
)

func TestEachFailureHasItsExitCode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want int
	}{
		"refused":     {fmt.Errorf("run: %w", pipeline.ErrRefused), 3},
		"interrupted": {errors.Join(fmt.Errorf("ingest: %w", context.Canceled)), 4},
		"busy":        {pipeline.ErrBusy, 1},
		"other":       {io.ErrClosedPipe, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := exitCode(test.err)

			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestExecuteNamesTheVariableThatIsWrong(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tests := map[string]config.PipelineSettings{
		"PIPELINE_INPUT":     {PipelineInput: filepath.Join(folder, "none"), PipelineOutput: folder},
		"PIPELINE_CATALOGUE": {PipelineInput: "main.go", PipelineOutput: folder, PipelineCatalogue: filepath.Join(folder, "none")},
	}
	for name, given := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := execute(t.Context(), given, func(pipeline.Progress) {})

			if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), name+": ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestExecuteServesWithItsCatalogue(t *testing.T) {
	t.Parallel()
	given := config.PipelineSettings{
		PipelineInput: "../../examples/orders.ndjson", PipelineCatalogue: "../../examples/catalogue.txt", PipelineOutput: t.TempDir(),
		PipelineMaxWarningShare: 1, PipelineSortMemoryBytes: 1 << 16, PipelineKeepRuns: 1,
	}

	lineage, err := execute(t.Context(), given, func(pipeline.Progress) {})

	if err != nil || lineage.Rows.Accepted != 6 || lineage.Catalogue == nil || lineage.Build != "dev unknown" {
		t.Errorf("got %+v, %v", lineage, err)
	}
}

func TestTheLinesThatAreNamedAreNotTakenForACard(t *testing.T) {
	t.Parallel()
	input := filepath.Join(t.TempDir(), "orders.ndjson")
	if err := os.WriteFile(input, []byte(strings.Repeat("\n", 4000)+strings.Repeat("{\n", 20)), 0o600); err != nil {
		t.Fatal(err)
	}
	given := config.PipelineSettings{PipelineInput: input, PipelineOutput: t.TempDir(), PipelineSortMemoryBytes: 1 << 16, PipelineKeepRuns: 1}

	_, err := execute(t.Context(), given, func(pipeline.Progress) {})

	if !errors.Is(err, pipeline.ErrRefused) || !strings.Contains(redact.Text(err.Error()), "lines 4001, 4002, 4003, 4004, 4005, 4006, ") {
		t.Errorf("got %v", err)
	}
	if logged := redact.Text(err.Error()); logged != err.Error() {
		t.Errorf("logged is %q", logged)
	}
}

func told(t *testing.T, out *bytes.Buffer) []string {
	t.Helper()
	var messages []string
	for line := range strings.Lines(out.String()) {
		var fields struct {
			Message string `json:"msg"`
			Rows    int64  `json:"rows"`
		}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, fmt.Sprintf("%s %d", fields.Message, fields.Rows))
	}
	return messages
}

func TestProgressIsPaintedAndLoggedAtItsIntervals(t *testing.T) {
	t.Parallel()
	var log, paper bytes.Buffer
	var now time.Time
	report := &reporter{
		logger: slog.New(slog.NewJSONHandler(&log, nil)), paper: &paper, every: time.Second, now: func() time.Time { return now },
	}
	tell := func(after time.Duration, progress pipeline.Progress) {
		now = now.Add(after)
		report.observe(t.Context(), progress)
	}

	tell(0, pipeline.Progress{Stage: pipeline.StageIngest, Size: 200})
	tell(150*time.Millisecond, pipeline.Progress{Stage: pipeline.StageIngest, State: pipeline.Running, Rows: 1, Bytes: 50, Size: 200})
	tell(50*time.Millisecond, pipeline.Progress{Stage: pipeline.StageIngest, State: pipeline.Running, Rows: 2, Bytes: 60, Size: 200})
	tell(time.Second, pipeline.Progress{Stage: pipeline.StageIngest, State: pipeline.Running, Rows: 3, Bytes: 70, Size: 200})
	tell(0, pipeline.Progress{Stage: pipeline.StageIngest, State: pipeline.Done, Rows: 4, Bytes: 200, Size: 200})
	tell(0, pipeline.Progress{Stage: pipeline.StageTransform})
	tell(time.Second, pipeline.Progress{Stage: pipeline.StageTransform, State: pipeline.Running, Rows: 2})
	tell(0, pipeline.Progress{Stage: pipeline.StageTransform, State: pipeline.Done, Rows: 4})
	tell(0, pipeline.Progress{Stage: pipeline.StageServe})
	tell(0, pipeline.Progress{Stage: pipeline.StageServe, State: pipeline.Done, Rows: 2})

	wantLog := []string{
		"Ingesting rows 0", "Ingesting rows 3", "Rows ingested 4",
		"Transforming rows 0", "Transforming rows 2", "Rows transformed 4",
		"Publishing run 0", "Run published 0",
	}
	wantPaper := "\r\x1b[Kingest: 1 rows, 0 s, 25 %\r\x1b[Kingest: 3 rows, 1 s, 35 %\r\x1b[K\r\x1b[Ktransform: 2 rows, 2 s\r\x1b[K"
	if got := told(t, &log); !slices.Equal(got, wantLog) {
		t.Errorf("logged %q, want %q", got, wantLog)
	}
	if paper.String() != wantPaper {
		t.Errorf("painted %q, want %q", paper.String(), wantPaper)
	}
}

func TestNothingIsPaintedIntoAFile(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	report := newReporter(slog.New(slog.DiscardHandler), file, file, time.Nanosecond)
	report.observe(t.Context(), pipeline.Progress{Stage: pipeline.StageIngest, State: pipeline.Running})

	if about, err := file.Stat(); err != nil || about.Size() != 0 || report.every == 0 {
		t.Errorf("got %v, %v", about, err)
	}
}
