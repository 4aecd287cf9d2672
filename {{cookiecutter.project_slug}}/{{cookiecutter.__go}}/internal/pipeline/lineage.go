package pipeline

import (
	"path/filepath"
	"time"
)

type Outcome string

const (
	OutcomeServed  Outcome = "served"
	OutcomeRefused Outcome = "refused"

	runTime   = "20060102T150405.000000Z"
	hashShown = 8
)

// Lineage says where a result came from. Two runs over the same input differ in Run, StartedAt and EndedAt alone.
type Lineage struct {
	Run              string    `json:"run"`
	StartedAt        time.Time `json:"started_at"`
	EndedAt          time.Time `json:"ended_at"`
	Outcome          Outcome   `json:"outcome"`
	Build            string    `json:"build"`
	TransformVersion string    `json:"transform_version"`
	RulesVersion     string    `json:"rules_version"`
	Input            File      `json:"input"`
	Catalogue        *File     `json:"catalogue"`
	RawFile          string    `json:"raw_file"`
	Limits           Limits    `json:"limits"`
	Rows             Counts    `json:"rows"`
	Rules            []Result  `json:"rules"`
	Outputs          []File    `json:"outputs"`
}

func (s Settings) lineage(started time.Time, input File) Lineage {
	return Lineage{
		Run:              started.Format(runTime) + "-" + input.SHA256[:hashShown],
		StartedAt:        started,
		Outcome:          OutcomeServed,
		Build:            s.Build,
		TransformVersion: TransformVersion,
		RulesVersion:     RulesVersion,
		Input:            input,
		Catalogue:        s.Catalogue.file,
		RawFile:          filepath.Join(rawFolder, input.SHA256+rawSuffix),
		Limits:           s.Limits,
		Outputs:          []File{},
	}
}

// Warnings counts the rows that broke a rule of severity Warning, once a rule.
func (l Lineage) Warnings() int64 {
	var count int64
	for _, result := range l.Rules {
		if result.Severity == Warning {
			count += result.Count
		}
	}
	return count
}
