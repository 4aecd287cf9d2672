package pipeline

import "slices"

type Severity string

const (
	Critical Severity = "critical"
	Warning  Severity = "warning"

	linesNamed = 20
)

// Result is what one rule found: how many rows broke it, the first of their lines, and what was wrong in the first one.
type Result struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Count    int64    `json:"count"`
	Lines    []int64  `json:"lines"`
	Example  string   `json:"example,omitempty"`
}

// Counts holds every row once: Read = Accepted + Duplicates + Rejected.
type Counts struct {
	Read       int64 `json:"read"`
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"`
	Rejected   int64 `json:"rejected"`
}

// Limits are shares of the rows read, from 0 to 1. Above them the input is refused.
type Limits struct {
	RejectedShare float64 `json:"rejected_share"`
	WarningShare  float64 `json:"warning_share"`
}

type quality struct {
	results []Result
}

func newQuality() *quality {
	table := ruleTable()
	results := make([]Result, 0, len(table))
	for _, one := range table {
		results = append(results, Result{Rule: one.name, Severity: one.severity, Lines: []int64{}})
	}
	return &quality{results: results}
}

func (q *quality) note(name string, line int64, fault string) {
	index := slices.IndexFunc(q.results, func(result Result) bool { return result.Rule == name })
	result := &q.results[index]
	result.Count++
	place, _ := slices.BinarySearch(result.Lines, line)
	if place == linesNamed {
		return
	}
	if place == 0 {
		result.Example = fault
	}
	result.Lines = slices.Insert(result.Lines, place, line)
	result.Lines = result.Lines[:min(len(result.Lines), linesNamed)]
}

func (q *quality) refused(counts Counts, limits Limits) []Result {
	var broken []Result
	tooMany := above(counts.Rejected, counts.Read, limits.RejectedShare)
	for _, result := range q.results {
		switch {
		case result.Count == 0:
		case result.Rule == ruleNotEmpty || result.Rule == ruleOverflow:
			broken = append(broken, result)
		case result.Severity == Critical && tooMany:
			broken = append(broken, result)
		case result.Severity == Warning && above(result.Count, counts.Read, limits.WarningShare):
			broken = append(broken, result)
		}
	}
	return broken
}

func above(count, whole int64, share float64) bool {
	return float64(count)/float64(whole) > share
}
