package config

import "time"

// PipelineSettings of a batch run. Shares are of the rows read, from 0 to 1.
type PipelineSettings struct {
	PipelineInput            string
	PipelineOutput           string
	PipelineCatalogue        string
	PipelineMaxRejectedShare float64
	PipelineMaxWarningShare  float64
	PipelineSortMemoryBytes  int64
	PipelineKeepRuns         int64
	PipelineProgressInterval time.Duration
}

func (p *PipelineSettings) variables() []variable {
	return []variable{
		{"PIPELINE_INPUT", "examples/orders.ndjson", text(&p.PipelineInput)},
		{"PIPELINE_OUTPUT", "tmp/pipeline", text(&p.PipelineOutput)},
		{"PIPELINE_CATALOGUE", "", text(&p.PipelineCatalogue)},
		{"PIPELINE_MAX_REJECTED_SHARE", "0", ratio(&p.PipelineMaxRejectedShare)},
		{"PIPELINE_MAX_WARNING_SHARE", "1", ratio(&p.PipelineMaxWarningShare)},
		{"PIPELINE_SORT_MEMORY_BYTES", "16777216", integer(&p.PipelineSortMemoryBytes, 1<<16, 1<<34)},
		{"PIPELINE_KEEP_RUNS", "10", integer(&p.PipelineKeepRuns, 1, 10_000)},
		{"PIPELINE_PROGRESS_INTERVAL", "10s", duration(&p.PipelineProgressInterval, 100*time.Millisecond, time.Hour)},
	}
}
