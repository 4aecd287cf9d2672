package logging

import (
	"io"
	"log/slog"
)

// New gives a logger that writes one JSON object a line, each with the fields. What it logs goes to exported as well,
// if that is set; the fields do not, for there the resource tells them. Secrets are taken out before both.
func New(out io.Writer, level slog.Level, exported slog.Handler, fields ...slog.Attr) *slog.Logger {
	lines := slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}).WithAttrs(fields)
	var handler slog.Handler = traced{base: lines}
	if exported != nil {
		handler = slog.NewMultiHandler(handler, exported)
	}
	return slog.New(redacting{next: handler, level: level})
}
