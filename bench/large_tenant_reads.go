package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// A largeTenantReads is the measurement of a big tenant beside a tenth of it.
type largeTenantReads struct {
	big           *largeTenant
	small         simulatorInfo
	smallUsers    int
	firstReads    []float64     // seconds of the big one's first reads with no reader beside them
	smallReads    []float64     // and of the small one's, the mean of those before the first of them and after each
	rss, smallRSS []float64     // MB, the most each first read had
	readers       readerLatency // of readers during a publish of the big tenant
}

// measureLargeTenant reads a big tenant for the first time, and again.
func measureLargeTenant(ctx context.Context, l *harness) (rows []result, err error) {
	m := &largeTenantReads{smallUsers: l.scaled(100_000)}
	if m.big, err = l.largeTenant(ctx); err != nil {
		return nil, err
	}
	var stop func() error
	if m.small, stop, err = l.startBuiltinSimulator(ctx, "-users", strconv.Itoa(m.smallUsers), "-organizations", strconv.Itoa(m.big.organizations/10)); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := m.readInTurn(ctx, l); err != nil {
		return nil, err
	}
	again, err := m.refresh(ctx)
	return append(m.firstReadResults(), again...), err
}

// refresh runs the big tenant again, unchanged.
func (m *largeTenantReads) refresh(ctx context.Context) ([]result, error) {
	base, err := m.big.measuredCopyBaseline(ctx)
	if err != nil {
		return nil, err
	}
	e, took, err := m.big.mirror.runUsersWithCost(ctx, m.big.simulatorInfo)
	if err != nil {
		return nil, err
	}
	users := thousands(m.big.users) + " users"
	perMillion := 1e6 / float64(m.big.users)
	return []result{
		atMost("loading, nothing changed", "processor seconds of Postgres for a refresh of "+users+" ÷ the same for COPY of them", took.cpu/base.cpu, 0.3, "",
			fmt.Sprintf("%.2f s, %.2f s", took.cpu, base.cpu)),
		atMost("WAL of a run without changes", users, took.wal/1e6, 1, " MB", fmt.Sprintf("%.0f bytes", took.wal)),
		atMost("CPU of the program", "seconds per 1,000,000 users refreshed", e.cpu*perMillion, 30, " s", fmt.Sprintf("%.1f s in all, %.0f MB", e.seconds, e.rss)),
	}, nil
}
