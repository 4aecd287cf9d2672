package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"{{ cookiecutter.__go_module }}/internal/pipeline"
)

const paintInterval = 100 * time.Millisecond

type reporter struct {
	logger  *slog.Logger
	paper   io.Writer
	every   time.Duration
	now     func() time.Time
	started time.Time
	painted time.Time
	logged  time.Time
	dirty   bool
}

func newReporter(logger *slog.Logger, out, errOut *os.File, every time.Duration) *reporter {
	now := time.Now()
	report := &reporter{logger: logger, every: every, now: time.Now, started: now, painted: now, logged: now}
	if isTerminal(errOut) {
		report.paper = errOut
	}
	if report.paper != nil && isTerminal(out) {
		report.every = 0
	}
	return report
}

func isTerminal(file *os.File) bool {
	about, err := file.Stat()
	return err == nil && about.Mode()&os.ModeCharDevice != 0
}

func (r *reporter) observe(ctx context.Context, progress pipeline.Progress) {
	now := r.now()
	switch progress.State {
	case pipeline.Started:
		r.doing(ctx, progress, now)
	case pipeline.Running:
		r.running(ctx, progress, now)
	case pipeline.Done:
		r.clear()
		r.done(ctx, progress, now)
	}
}

func (r *reporter) running(ctx context.Context, progress pipeline.Progress, now time.Time) {
	if r.paper != nil && now.Sub(r.painted) >= paintInterval {
		r.painted, r.dirty = now, true
		_, _ = fmt.Fprintf(r.paper, "\r\x1b[K%s", r.describe(progress, now))
	}
	if r.every > 0 && now.Sub(r.logged) >= r.every {
		r.logged = now
		r.doing(ctx, progress, now)
	}
}

func (r *reporter) clear() {
	if r.dirty {
		_, _ = io.WriteString(r.paper, "\r\x1b[K")
		r.dirty = false
	}
}

func (r *reporter) describe(progress pipeline.Progress, now time.Time) string {
	text := fmt.Sprintf("%s: %d rows, %d s", progress.Stage, progress.Rows, int64(now.Sub(r.started).Seconds()))
	if progress.Size > 0 {
		text += fmt.Sprintf(", %d %%", min(100*progress.Bytes/progress.Size, 100))
	}
	return text
}

func (r *reporter) doing(ctx context.Context, progress pipeline.Progress, now time.Time) {
	fields := r.fields(progress, now)
	switch progress.Stage {
	case pipeline.StageIngest:
		r.logger.InfoContext(ctx, "Ingesting rows", fields...)
	case pipeline.StageTransform:
		r.logger.InfoContext(ctx, "Transforming rows", fields...)
	case pipeline.StageServe:
		r.logger.InfoContext(ctx, "Publishing run")
	}
}

func (r *reporter) done(ctx context.Context, progress pipeline.Progress, now time.Time) {
	fields := r.fields(progress, now)
	switch progress.Stage {
	case pipeline.StageIngest:
		r.logger.InfoContext(ctx, "Rows ingested", fields...)
	case pipeline.StageTransform:
		r.logger.InfoContext(ctx, "Rows transformed", fields...)
	case pipeline.StageServe:
		r.logger.InfoContext(ctx, "Run published", "days", progress.Rows, "duration_ms", now.Sub(r.started).Milliseconds())
	}
}

func (r *reporter) fields(progress pipeline.Progress, now time.Time) []any {
	fields := []any{"rows", progress.Rows, "duration_ms", now.Sub(r.started).Milliseconds()}
	if progress.Bytes > 0 {
		fields = append(fields, "bytes", progress.Bytes)
	}
	if progress.Size > 0 {
		fields = append(fields, "size_bytes", progress.Size)
	}
	return fields
}
