package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"logto-syncer/bench/host"
)

// bigReads is how often the big tenant is read for growth, smallReads how often
// the small one before the first of them and after each.
const (
	largeReadCount = 5
	smallReadCount = 3
)

// readInTurn reads the big tenant and the small one in turn, each time into a
// database of its own and with nobody else there. Before that, each is read
// once to warm up: the first time, the simulators and the server make room that
// they use again. The last database is kept.
func (m *largeTenantReads) readInTurn(ctx context.Context, l *harness) error {
	if _, err := l.firstReadOf(ctx, m.small); err != nil {
		return err
	}
	if err := l.withoutIndexes(ctx, func(d *database) error { return m.firstReadWithReaders(ctx, d) }); err != nil {
		return err
	}
	if err := m.readSmall(ctx, l); err != nil {
		return err
	}
	for n := range largeReadCount {
		var e *processResult
		var err error
		if n < largeReadCount-1 {
			e, err = l.firstReadOf(ctx, m.big.simulatorInfo)
		} else {
			e, err = m.big.readIntoMirror(ctx, l)
		}
		if err != nil {
			return err
		}
		m.firstReads, m.rss = append(m.firstReads, e.summary.Seconds), append(m.rss, e.rss)
		if err := m.readSmall(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// readSmall reads the small tenant for the first time, a few times, each into a
// database of its own.
func (m *largeTenantReads) readSmall(ctx context.Context, l *harness) error {
	var seconds float64
	for range smallReadCount {
		e, err := l.firstReadOf(ctx, m.small)
		if err != nil {
			return err
		}
		seconds += e.summary.Seconds
		m.smallRSS = append(m.smallRSS, e.rss)
	}
	m.smallReads = append(m.smallReads, seconds/smallReadCount)
	return nil
}

// firstReadOf reads a tenant for the first time into a database of its own.
func (l *harness) firstReadOf(ctx context.Context, s simulatorInfo) (e *processResult, err error) {
	err = l.withoutIndexes(ctx, func(d *database) error {
		e, err = d.syncer(ctx, s, "alone", "none", "run", "users")
		return err
	})
	return e, err
}

// withoutIndexes runs the program on a database that is there for that alone. The indexes
// for analysts, which a run makes after it has ended, are not made.
func (l *harness) withoutIndexes(ctx context.Context, run func(*database) error) error {
	d, err := l.database(ctx)
	if err != nil {
		return err
	}
	release, err := d.blockIndexes(ctx)
	if err != nil {
		return errors.Join(err, d.drop(ctx))
	}
	err = run(d)
	release()
	return errors.Join(err, d.drop(ctx))
}

// firstReadWithReaders reads the big tenant for the first time. While it is published,
// somebody asks for users of another one.
func (m *largeTenantReads) firstReadWithReaders(ctx context.Context, d *database) error {
	const others = `insert into logto.users (tenant_id, id, name, item_hash, valid_from)
select 'small', left(md5(n::text), 12), 'Somebody ' || n, '\x00', now() from generate_series(1, 100000) n`
	if _, err := d.Exec(ctx, others); err != nil {
		return err
	}
	readers, err := d.probeReaders(ctx)
	if err != nil {
		return err
	}
	e, err := d.syncer(ctx, m.big.simulatorInfo, acme, "none", "run", "users")
	seen, stopped := readers.stop()
	if err := errors.Join(err, stopped); err != nil {
		return err
	}
	m.readers, m.rss = seen, append(m.rss, e.rss)
	return nil
}

// growth compares each read of the big tenant with those of the small one right
// before and after it, and takes the median: the machine is slower by a fifth
// for half a minute now and then, which is one read of the big one.
func (m *largeTenantReads) growth() (ratio float64, each string) {
	var ratios []float64
	var said []string
	for n, first := range m.firstReads {
		beside := (m.smallReads[n] + m.smallReads[n+1]) / 2
		ratios = append(ratios, first/float64(m.big.users)/(beside/float64(m.smallUsers)))
		said = append(said, fmt.Sprintf("%.1f s, %.2f s: %s", first, beside, number(ratios[n])))
	}
	return host.Median(ratios), strings.Join(said, "; ")
}

// firstReadResults is what the first reads took.
func (m *largeTenantReads) firstReadResults() []result {
	users, tenth := thousands(m.big.users)+" users", thousands(m.smallUsers)
	ratio, each := m.growth()
	big, small := mean(m.rss), mean(m.smallRSS)
	return append([]result{
		atMost("memory", "peak RSS, first read of "+users, slices.Max(m.rss), 128, " MB", fmt.Sprintf("the most of %d", len(m.rss))),
		atMost("memory, growth", "against "+tenth+" users", big/small, 1.15, " ×", fmt.Sprintf("%.1f MB, %.1f MB, the means of %d and %d", big, small, len(m.rss), len(m.smallRSS))),
		atMost("growth", fmt.Sprintf("time per row of the first read, %s ÷ %s, the %d before and after it; the median of %d",
			users, tenth, 2*smallReadCount, largeReadCount), ratio, 1.1, "", each),
	}, m.readers.results(m.big.users)...)
}

// mean is of the memory of runs, which chance spreads by a tenth: when the heap
// is collected while 32 pages come at once.
func mean(all []float64) (mean float64) {
	for _, v := range all {
		mean += v / float64(len(all))
	}
	return mean
}
