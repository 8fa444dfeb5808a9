package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"logto-syncer/bench/host"
)

// The large tenant is read largeReads times to measure growth, and a small one
// smallReads times before the first of these reads and after each.
const (
	largeReads = 5
	smallReads = 3
)

// largeTenantReads are the reads of the large tenant and of one a tenth as large.
type largeTenantReads struct {
	*harness
	large               *largeTenant
	small               simulator
	seconds             []float64 // of the large one's first reads, without readers of the database
	smallSeconds        []float64 // means of the small one's first reads, before the first of them and after each
	memory, smallMemory []float64 // peak, in MB, of each first read
}

// measureLargeTenant reads a large tenant for the first time, and again.
func measureLargeTenant(ctx context.Context, h *harness) ([]result, error) {
	large, err := h.largeTenant(ctx)
	if err != nil {
		return nil, err
	}
	options := simulatorOptions{Users: h.scaled(100_000), Organizations: large.organizations / 10}
	return withSimulator(ctx, options.command(), func(small simulator) ([]result, error) {
		m := &largeTenantReads{harness: h, large: large, small: small}
		readers, err := m.readInTurn(ctx)
		if err != nil {
			return nil, err
		}
		refresh, err := m.refresh(ctx)
		return slices.Concat(m.firstReadResults(), readers, refresh), err
	})
}

// readInTurn reads the large tenant and the small one in turn, each time into a
// new database and with no other load. Before that, each is read once to warm
// up, the large one with readers of the database: the simulators and the server
// allocate what they use again. The last database is kept as the mirror.
func (m *largeTenantReads) readInTurn(ctx context.Context) (readers []result, err error) {
	if _, err := m.readIntoNewDatabase(ctx, m.small); err != nil {
		return nil, err
	}
	if readers, err = withDatabase(ctx, m.harness, func(d *database) ([]result, error) { return m.firstReadWithReaders(ctx, d) }); err != nil {
		return nil, err
	}
	for n := range largeReads {
		if err := m.readSmall(ctx); err != nil {
			return nil, err
		}
		read := m.readIntoNewDatabase
		if n == largeReads-1 {
			read = m.createLargeMirror
		}
		r, err := read(ctx, m.large.simulator)
		if err != nil {
			return nil, err
		}
		m.seconds, m.memory = append(m.seconds, r.summary.Seconds), append(m.memory, r.memory)
	}
	return readers, m.readSmall(ctx)
}

// readSmall reads the small tenant for the first time, smallReads times.
func (m *largeTenantReads) readSmall(ctx context.Context) error {
	var seconds []float64
	for range smallReads {
		r, err := m.readIntoNewDatabase(ctx, m.small)
		if err != nil {
			return err
		}
		seconds, m.smallMemory = append(seconds, r.summary.Seconds), append(m.smallMemory, r.memory)
	}
	m.smallSeconds = append(m.smallSeconds, host.Mean(seconds))
	return nil
}

// readIntoNewDatabase reads a tenant for the first time into a new database.
func (m *largeTenantReads) readIntoNewDatabase(ctx context.Context, s simulator) (*processResult, error) {
	return withDatabase(ctx, m.harness, func(d *database) (*processResult, error) {
		if err := d.blockIndexCreation(ctx); err != nil {
			return nil, err
		}
		return d.run(ctx, s, "first-read", "users")
	})
}

// timePerRowGrowth compares each read of the large tenant with those of the small one right
// before and after it, and takes the median: a machine may be slower by a fifth
// for half a minute, which is one read of the large one.
func (m *largeTenantReads) timePerRowGrowth() (ratio float64, detail string) {
	var ratios []float64
	var details []string
	for n, seconds := range m.seconds {
		small := (m.smallSeconds[n] + m.smallSeconds[n+1]) / 2
		ratios = append(ratios, seconds/float64(m.large.users)/(small/float64(m.small.Rows)))
		details = append(details, fmt.Sprintf("%.1f s, %.2f s: %s", seconds, small, number(ratios[n])))
	}
	return host.Median(ratios), strings.Join(details, "; ")
}

func (m *largeTenantReads) firstReadResults() []result {
	users, small := thousands(m.large.users)+" users", thousands(m.small.Rows)
	ratio, detail := m.timePerRowGrowth()
	// Means, because the peak varies by a tenth: it depends on when the heap is
	// collected while 32 pages arrive at once.
	memory, smallMemory := host.Mean(m.memory), host.Mean(m.smallMemory)
	return []result{
		atMost("memory", "peak RSS, first read of "+users, slices.Max(m.memory), 128, " MB", fmt.Sprintf("the maximum of %d", len(m.memory))),
		atMost("memory, growth", "against "+small+" users", memory/smallMemory, 1.15, " ×",
			fmt.Sprintf("%.1f MB, %.1f MB, the means of %d and %d", memory, smallMemory, len(m.memory), len(m.smallMemory))),
		atMost("growth", fmt.Sprintf("time per row of the first read, %s ÷ %s, the %d before and after it; the median of %d",
			users, small, 2*smallReads, largeReads), ratio, 1.1, "", detail),
	}
}

// refresh runs the large tenant again, unchanged.
func (m *largeTenantReads) refresh(ctx context.Context) (_ []result, err error) {
	if m.large.copyCost == (postgresCost{}) {
		if m.large.copyCost, err = m.large.mirror.measureCopy(ctx); err != nil {
			return nil, err
		}
	}
	r, refresh, err := m.large.mirror.runUsersWithCost(ctx, m.large.simulator)
	if err != nil {
		return nil, err
	}
	users := thousands(m.large.users) + " users"
	perMillion := 1e6 / float64(m.large.users)
	return []result{
		atMost("loading, nothing changed", "processor seconds of Postgres for a refresh of "+users+" ÷ the same for COPY of them", refresh.cpu/m.large.copyCost.cpu, 0.3, "",
			fmt.Sprintf("%.2f s, %.2f s", refresh.cpu, m.large.copyCost.cpu)),
		atMost("WAL of a run without changes", users, refresh.wal/1e6, 1, " MB", fmt.Sprintf("%.0f bytes", refresh.wal)),
		atMost("CPU of the program", "seconds per 1,000,000 users refreshed", r.cpu*perMillion, 30, " s", fmt.Sprintf("%.1f s in all, %.0f MB", r.seconds, r.memory)),
	}, nil
}
