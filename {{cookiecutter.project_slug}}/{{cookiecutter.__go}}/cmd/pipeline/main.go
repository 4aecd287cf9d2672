package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"{{ cookiecutter.__go_module }}/internal/pipeline"
	"{{ cookiecutter.__go_module }}/internal/platform/config"
	"{{ cookiecutter.__go_module }}/internal/platform/process"
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
	p.Logger.InfoContext(ctx, "Running pipeline", "input", p.Config.PipelineInput, "output", p.Config.PipelineOutput)
	lineage, err := execute(ctx, p.Config.PipelineInput, p.Config.PipelineOutput)
	err = errors.Join(err, p.Stop(ctx, false))
	if err != nil {
		p.Logger.ErrorContext(ctx, "Failed to run pipeline", "error", err, "duration_ms", time.Since(started).Milliseconds())
		return process.ExitFailed
	}
	p.Logger.InfoContext(ctx, "Pipeline finished",
		"rows", lineage.RowsRead, "days", lineage.DaysServed, "warnings", lineage.Warnings,
		"input_sha256", lineage.InputSHA256, "transform", lineage.TransformVersion, "duration_ms", time.Since(started).Milliseconds())
	return process.ExitOK
}

func execute(ctx context.Context, input, output string) (lineage pipeline.Lineage, err error) {
	source, err := os.Open(input) //nolint:gosec // the operator names the input
	if err != nil {
		return pipeline.Lineage{}, fmt.Errorf("open PIPELINE_INPUT: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	lineage, err = pipeline.Run(ctx, source, output)
	if err != nil {
		return pipeline.Lineage{}, fmt.Errorf("run stages: %w", err)
	}
	return lineage, nil
}
