package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

var ErrCritical = errors.New("input breaks critical rules")

type Lineage struct {
	InputSHA256      string `json:"input_sha256"`
	RawFile          string `json:"raw_file"`
	TransformVersion string `json:"transform_version"`
	RowsRead         int    `json:"rows_read"`
	DaysServed       int    `json:"days_served"`
	Warnings         int    `json:"warnings"`
}

// Run takes the input through all stages: ingest, store, validate, transform, serve. The same input gives the same
// bytes. A critical violation ends the run with ErrCritical and leaves what was served before as it is.
func Run(ctx context.Context, source io.Reader, folder string) (Lineage, error) {
	batch, err := Ingest(ctx, source)
	if err != nil {
		return Lineage{}, err
	}
	raw, err := storeRaw(folder, batch)
	if err != nil {
		return Lineage{}, fmt.Errorf("store: %w", err)
	}
	quality := Validate(batch)
	if err := serve(folder, "quality.json", quality); err != nil {
		return Lineage{}, fmt.Errorf("validate: %w", err)
	}
	if broken := quality.critical(); len(broken) > 0 {
		return Lineage{}, refuse(broken)
	}
	summaries, err := Transform(batch.Rows)
	if err != nil {
		return Lineage{}, err
	}
	lineage := Lineage{
		InputSHA256:      batch.SHA256,
		RawFile:          raw,
		TransformVersion: TransformVersion,
		RowsRead:         len(batch.Rows),
		DaysServed:       len(summaries),
	}
	for _, one := range quality.Violations {
		lineage.Warnings += one.Count
	}
	if err := serve(folder, "daily_summaries.json", summaries); err != nil {
		return Lineage{}, fmt.Errorf("serve: %w", err)
	}
	if err := serve(folder, "lineage.json", lineage); err != nil {
		return Lineage{}, fmt.Errorf("record lineage: %w", err)
	}
	return lineage, nil
}

func refuse(broken []Violation) error {
	parts := make([]string, 0, len(broken))
	for _, one := range broken {
		parts = append(parts, fmt.Sprintf("%s in %d rows %v (%s)", one.Rule, one.Count, one.Rows, one.Example))
	}
	return fmt.Errorf("%w: %s", ErrCritical, strings.Join(parts, "; "))
}
