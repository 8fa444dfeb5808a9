package serve

import (
	"fmt"
	"slices"

	"logto-syncer/internal/state"
)

// A chart is a bar chart with a bar for each run, the oldest first.
type chart struct {
	Title         string // also for screen readers
	Text          string // the chart in words: minimum, maximum and last
	Width, Height int
	Bars          []bar
}

type bar struct {
	X, Y, Width, Height int
	Class               string // CSS class: good, poor or bad
	Label               string
}

const (
	barWidth    = 8
	barGap      = 3
	chartHeight = 48
	maxCharts   = 8 // tenants with charts on one page
)

// addCharts adds charts of duration, changed rows and requests of the last runs
// of each tenant, but for those that read changes.
func (p *statusPage) addCharts(v *overview, only func(string) bool) {
	byTenant := map[string][]state.RunRecord{}
	var tenants []string
	for _, r := range v.Runs {
		if !only(r.Tenant) || r.FinishedAt == nil || r.Mode == state.Changes {
			continue
		}
		if byTenant[r.Tenant] == nil {
			tenants = append(tenants, r.Tenant)
		}
		byTenant[r.Tenant] = append(byTenant[r.Tenant], r)
	}
	slices.Sort(tenants)
	for _, t := range tenants[:min(len(tenants), maxCharts)] {
		runs := byTenant[t]
		slices.Reverse(runs)
		p.Charts = append(p.Charts,
			newChart(t+": duration", runs, func(r state.RunRecord) float64 { return r.Seconds }, formatSeconds),
			newChart(t+": changed rows", runs, func(r state.RunRecord) float64 { return float64(countChangedRows(r)) }, formatWholeNumber),
			newChart(t+": requests", runs, func(r state.RunRecord) float64 { return float64(r.Requests) }, formatWholeNumber))
	}
}

func formatWholeNumber(n float64) string { return formatCount(int64(n)) }

// newChart draws one value of each run.
func newChart(title string, runs []state.RunRecord, value func(state.RunRecord) float64, text func(float64) string) chart {
	c := chart{Title: title, Width: len(runs)*(barWidth+barGap) + barGap, Height: chartHeight}
	least, most := value(runs[0]), value(runs[0])
	for _, r := range runs {
		least, most = min(least, value(r)), max(most, value(r))
	}
	for i, r := range runs {
		height := 1
		if most > 0 {
			height = max(1, int(value(r)/most*(chartHeight-4)))
		}
		class := "bad"
		switch r.Status {
		case state.Succeeded:
			class = "good"
		case state.Unproved, state.Stopped, state.Abandoned:
			class = "poor"
		}
		c.Bars = append(c.Bars, bar{
			X: barGap + i*(barWidth+barGap), Y: chartHeight - height, Width: barWidth, Height: height, Class: class,
			Label: fmt.Sprintf("run %d, %s: %s", r.RunID, r.Status, text(value(r))),
		})
	}
	c.Text = fmt.Sprintf("%s to %s, last %s", text(least), text(most), text(value(runs[len(runs)-1])))
	return c
}
