package store

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

const (
	CommandUp     = "up"
	CommandDown   = "down"
	CommandStatus = "status"
	CommandSeed   = "seed"
)

// Migration is one migration and its state; AppliedAt is zero until it is applied.
type Migration struct {
	Version   int64
	Name      string
	State     string
	AppliedAt time.Time
}

// Current says whether nothing is left to apply. A migration that a newer version has applied is no reason to wait.
func Current(found []Migration) bool {
	for _, one := range found {
		if one.State != "applied" && one.State != "newer" {
			return false
		}
	}
	return true
}

func WriteStatus(out io.Writer, found []Migration) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "VERSION\tSTATE\tAPPLIED AT\tMIGRATION")
	for _, one := range found {
		at := "-"
		if !one.AppliedAt.IsZero() {
			at = one.AppliedAt.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", one.Version, one.State, at, one.Name)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}
