package main

import (
	"bytes"
	"context"
	_ "embed" // report.md.tmpl
	"os"
	"text/template"
	"time"

	"logto-syncer/bench/host"
)

//go:embed report.md.tmpl
var reportText string

var reportTemplate = template.Must(template.New("report").Parse(reportText))

// writeReport writes the results, the machine, and how to repeat the measurements.
func (h *harness) writeReport(ctx context.Context, results []result, took time.Duration) error {
	settings, err := h.DescribeSettings(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = reportTemplate.Execute(&b, map[string]any{
		"Took": took.Round(time.Second), "Machine": host.Machine(), "Settings": settings, "Results": results, "Queries": h.queryTimings,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(h.out, b.Bytes(), 0o644)
}
