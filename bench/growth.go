package main

import (
	"context"
	"errors"
	"fmt"
)

// turns reads the big tenant twice, each time into a database of its own and
// with nobody else there, and the small one before, between and after. Before
// that, each is read once to warm up: the first time, the simulators and the
// server make room that they use again.
func (m *million) turns(ctx context.Context, l *lab) error {
	if _, err := l.firstOf(ctx, m.small); err != nil {
		return err
	}
	if _, err := l.once(ctx, func(d *database) (*effort, error) { return m.firstWatched(ctx, d) }); err != nil {
		return err
	}
	for _, small := range []int{3, 4} {
		if err := m.readSmall(ctx, l, small); err != nil {
			return err
		}
		e, err := l.firstOf(ctx, m.big.simulated)
		if err != nil {
			return err
		}
		m.firsts = append(m.firsts, e.summary.Seconds)
	}
	return m.readSmall(ctx, l, 3)
}

// readSmall reads the small tenant for the first time, a few times, each into a
// database of its own.
func (m *million) readSmall(ctx context.Context, l *lab, times int) error {
	for range times {
		e, err := l.firstOf(ctx, m.small)
		if err != nil {
			return err
		}
		m.tenths = append(m.tenths, e.summary.Seconds)
		m.smallRSS = max(m.smallRSS, e.rss)
	}
	return nil
}

// firstOf reads a tenant for the first time into a database of its own.
func (l *lab) firstOf(ctx context.Context, s simulated) (*effort, error) {
	return l.once(ctx, func(d *database) (*effort, error) { return d.syncer(ctx, s, "alone", "none", "run", "users") })
}

// once runs the program on a database that is there for that alone. The indexes
// for analysts, which a run makes after it has ended, are not made.
func (l *lab) once(ctx context.Context, run func(*database) (*effort, error)) (*effort, error) {
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	release, err := d.keepIndexesAway(ctx)
	if err != nil {
		return nil, errors.Join(err, d.drop(ctx))
	}
	e, err := run(d)
	release()
	return e, errors.Join(err, d.drop(ctx))
}

// firstWatched reads the big tenant for the first time. While it is published,
// somebody asks for users of another one.
func (m *million) firstWatched(ctx context.Context, d *database) (*effort, error) {
	const others = `insert into logto.users (tenant_id, id, name, item_hash, valid_from)
select 'small', left(md5(n::text), 12), 'Somebody ' || n, '\x00', now() from generate_series(1, 100000) n`
	if _, err := d.Exec(ctx, others); err != nil {
		return nil, err
	}
	readers, err := d.watch(ctx)
	if err != nil {
		return nil, err
	}
	e, err := d.syncer(ctx, m.big.simulated, "big", "none", "run", "users")
	seen, stopped := readers.stop()
	if err := errors.Join(err, stopped); err != nil {
		return nil, err
	}
	m.seen = append(m.seen, seen)
	return e, nil
}

// firstRead reads the big tenant into the database that is kept.
func (m *million) firstRead(ctx context.Context) (rows []row, err error) {
	big, err := m.firstWatched(ctx, m.database)
	if err != nil {
		return nil, err
	}
	// Means, not the best of each: the machine is slower by a fifth for half a
	// minute now and then, and a short run finds a good moment sooner.
	first, tenth := mean(m.firsts), mean(m.tenths)
	growth := first / float64(m.big.users) / (tenth / float64(m.nSmall))
	users := thousands(m.big.users) + " users"
	rows = []row{
		atMost("memory", "peak RSS, first read of "+users, big.rss, 128, " MB", fmt.Sprintf("%.1f s to published", big.summary.Seconds)),
		atMost("memory, growth", "against "+thousands(m.nSmall)+" users", big.rss/m.smallRSS, 1.15, " ×", fmt.Sprintf("%.0f MB", m.smallRSS)),
		atMost("growth", "time per row of the first read, "+users+" ÷ "+thousands(m.nSmall), growth, 1.1, "",
			fmt.Sprintf("%.1f s, %.2f s, the means of %d and %d in turn, after one each to warm up", first, tenth, len(m.firsts), len(m.tenths))),
	}
	return append(rows, seenRows(m.seen, m.big.users)...), nil
}

func mean(all []float64) (mean float64) {
	for _, v := range all {
		mean += v / float64(len(all))
	}
	return mean
}
