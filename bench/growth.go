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
	bigReads   = 5
	smallReads = 3
)

// turns reads the big tenant and the small one in turn, each time into a
// database of its own and with nobody else there. Before that, each is read
// once to warm up: the first time, the simulators and the server make room that
// they use again. The last database is kept.
func (m *million) turns(ctx context.Context, l *lab) error {
	if _, err := l.firstOf(ctx, m.small); err != nil {
		return err
	}
	if err := l.once(ctx, func(d *database) error { return m.firstWatched(ctx, d) }); err != nil {
		return err
	}
	if err := m.readSmall(ctx, l); err != nil {
		return err
	}
	for n := range bigReads {
		var e *effort
		var err error
		if n < bigReads-1 {
			e, err = l.firstOf(ctx, m.big.simulated)
		} else {
			e, err = m.big.keep(ctx, l)
		}
		if err != nil {
			return err
		}
		m.firsts, m.rss = append(m.firsts, e.summary.Seconds), append(m.rss, e.rss)
		if err := m.readSmall(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// readSmall reads the small tenant for the first time, a few times, each into a
// database of its own.
func (m *million) readSmall(ctx context.Context, l *lab) error {
	var seconds float64
	for range smallReads {
		e, err := l.firstOf(ctx, m.small)
		if err != nil {
			return err
		}
		seconds += e.summary.Seconds
		m.smallRSS = append(m.smallRSS, e.rss)
	}
	m.tenths = append(m.tenths, seconds/smallReads)
	return nil
}

// firstOf reads a tenant for the first time into a database of its own.
func (l *lab) firstOf(ctx context.Context, s simulated) (e *effort, err error) {
	err = l.once(ctx, func(d *database) error {
		e, err = d.syncer(ctx, s, "alone", "none", "run", "users")
		return err
	})
	return e, err
}

// once runs the program on a database that is there for that alone. The indexes
// for analysts, which a run makes after it has ended, are not made.
func (l *lab) once(ctx context.Context, run func(*database) error) error {
	d, err := l.database(ctx)
	if err != nil {
		return err
	}
	release, err := d.keepIndexesAway(ctx)
	if err != nil {
		return errors.Join(err, d.drop(ctx))
	}
	err = run(d)
	release()
	return errors.Join(err, d.drop(ctx))
}

// firstWatched reads the big tenant for the first time. While it is published,
// somebody asks for users of another one.
func (m *million) firstWatched(ctx context.Context, d *database) error {
	const others = `insert into logto.users (tenant_id, id, name, item_hash, valid_from)
select 'small', left(md5(n::text), 12), 'Somebody ' || n, '\x00', now() from generate_series(1, 100000) n`
	if _, err := d.Exec(ctx, others); err != nil {
		return err
	}
	readers, err := d.watch(ctx)
	if err != nil {
		return err
	}
	e, err := d.syncer(ctx, m.big.simulated, acme, "none", "run", "users")
	seen, stopped := readers.stop()
	if err := errors.Join(err, stopped); err != nil {
		return err
	}
	m.seen, m.rss = seen, append(m.rss, e.rss)
	return nil
}

// growth compares each read of the big tenant with those of the small one right
// before and after it, and takes the median: the machine is slower by a fifth
// for half a minute now and then, which is one read of the big one.
func (m *million) growth() (ratio float64, each string) {
	var ratios []float64
	var said []string
	for n, first := range m.firsts {
		beside := (m.tenths[n] + m.tenths[n+1]) / 2
		ratios = append(ratios, first/float64(m.big.users)/(beside/float64(m.nSmall)))
		said = append(said, fmt.Sprintf("%.1f s, %.2f s: %s", first, beside, number(ratios[n])))
	}
	return host.Median(ratios), strings.Join(said, "; ")
}

// first is what the first reads took.
func (m *million) first() []row {
	users, tenth := thousands(m.big.users)+" users", thousands(m.nSmall)
	ratio, each := m.growth()
	big, small := mean(m.rss), mean(m.smallRSS)
	return append([]row{
		atMost("memory", "peak RSS, first read of "+users, slices.Max(m.rss), 128, " MB", fmt.Sprintf("the most of %d", len(m.rss))),
		atMost("memory, growth", "against "+tenth+" users", big/small, 1.15, " ×", fmt.Sprintf("%.1f MB, %.1f MB, the means of %d and %d", big, small, len(m.rss), len(m.smallRSS))),
		atMost("growth", fmt.Sprintf("time per row of the first read, %s ÷ %s, the %d before and after it; the median of %d",
			users, tenth, 2*smallReads, bigReads), ratio, 1.1, "", each),
	}, m.seen.rows(m.big.users)...)
}

// mean is of the memory of runs, which chance spreads by a tenth: when the heap
// is collected while 32 pages come at once.
func mean(all []float64) (mean float64) {
	for _, v := range all {
		mean += v / float64(len(all))
	}
	return mean
}
