package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"{{ cookiecutter.__go_module }}/internal/pipeline"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
)

const (
	exitRefused     = 3
	exitInterrupted = 4
)

var (
	version  = "dev"
	revision = "unknown"
)

func main() {
	os.Exit(process.Main(config.Pipeline, process.Build{Version: version, Revision: revision}, nil, run))
}

func run(ctx context.Context, p *process.Process, _ string) int {
	started := time.Now()
	given := p.Config.PipelineSettings
	p.Logger.InfoContext(ctx, "Running pipeline", "input", given.PipelineInput, "output", given.PipelineOutput)
	report := newReporter(p.Logger, os.Stdout, os.Stderr, given.PipelineProgressInterval)
	lineage, err := execute(ctx, given, func(progress pipeline.Progress) { report.observe(ctx, progress) })
	report.clear()
	err = errors.Join(err, p.Stop(ctx, false))
	fields := []any{"run", lineage.Run, "rows", lineage.Rows, "duration_ms", time.Since(started).Milliseconds()}
	if err != nil {
		code := exitCode(err)
		p.Logger.ErrorContext(ctx, "Failed to run pipeline", append(fields, "exit_code", code, "error", err)...)
		return code
	}
	p.Logger.InfoContext(ctx, "Pipeline run", append(fields,
		"warnings", lineage.Warnings(), "input_sha256", lineage.Input.SHA256, "transform", lineage.TransformVersion)...)
	return process.ExitOK
}

func execute(ctx context.Context, given config.PipelineSettings, observe func(pipeline.Progress)) (pipeline.Lineage, error) {
	source, err := pipeline.FileSource(given.PipelineInput)
	if err != nil {
		return pipeline.Lineage{}, fmt.Errorf("PIPELINE_INPUT: %w", err)
	}
	catalogue, err := readCatalogue(given.PipelineCatalogue)
	if err != nil {
		return pipeline.Lineage{}, fmt.Errorf("PIPELINE_CATALOGUE: %w", err)
	}
	return pipeline.Run(ctx, pipeline.Settings{
		Source:     source,
		Catalogue:  catalogue,
		Folder:     given.PipelineOutput,
		Build:      version + " " + revision,
		Limits:     pipeline.Limits{RejectedShare: given.PipelineMaxRejectedShare, WarningShare: given.PipelineMaxWarningShare},
		SortMemory: given.PipelineSortMemoryBytes,
		KeepRuns:   int(given.PipelineKeepRuns),
		Disk:       pipeline.OSDisk{},
		Now:        time.Now,
		Observe:    observe,
	})
}

func readCatalogue(path string) (read pipeline.Catalogue, err error) {
	if path == "" {
		return pipeline.Catalogue{}, nil
	}
	file, err := os.Open(path) //nolint:gosec // the operator names the catalogue
	if err != nil {
		return pipeline.Catalogue{}, fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return pipeline.ReadCatalogue(filepath.Base(path), file)
}

func exitCode(err error) int {
	switch {
	case errors.Is(err, pipeline.ErrRefused):
		return exitRefused
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return process.ExitFailed
	}
}
