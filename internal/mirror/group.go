package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
)

// entry is a part on its way into the stage.
type entry struct {
	listing string
	batch   *load.Batch
	mark    extract.Mark
	done    chan error // receives once
	taken   bool       // into a group; guarded by the sink's mu
}

// keep puts the mark of a part without changes aside. It reports true when it
// is time to write those that are there.
func (s *sink) keep(listing string, m extract.Mark) (due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		s.since = time.Now()
	}
	s.pending[listing] = append(s.pending[listing], m)
	return len(s.pending[listing]) >= maxPending || time.Since(s.since) > maxWait
}

// flush writes what is waiting and pending.
func (s *sink) flush(ctx context.Context) error {
	return s.write(ctx, ctx, nil)
}

// write writes groups until the entry is among those written; nil writes one
// group with all pending marks. ctx bounds the wait for a turn, run the writing:
// a list that ends early, since its parent is gone, must not take along what
// others have in its group.
func (s *sink) write(ctx, run context.Context, e *entry) error {
	var done chan error
	turn := s.turn
	if e != nil {
		done = e.done
	}
	for {
		select {
		case err := <-done:
			return err
		case <-turn:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if s.taken(e) { // somebody else is writing it, or has in the meantime
			s.turn <- struct{}{}
			turn = nil
			continue
		}
		if err := s.group(run); e == nil {
			return err
		}
	}
}

func (s *sink) taken(e *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e != nil && e.taken
}

// group stages one group of entries, and all pending marks, in one transaction.
// The caller has the turn, which is given on. Groups are written beside each
// other, but for one with pending marks: those of whoever comes after it rely
// on them, and are not to be kept when it is lost.
func (s *sink) group(ctx context.Context) error {
	s.writing <- struct{}{} // meanwhile more come
	entries, marks := s.next()
	held := 1
	if len(marks) == 0 {
		s.turn <- struct{}{}
	} else {
		for ; held < maxGroups; held++ {
			s.writing <- struct{}{}
		}
	}
	err := s.stage(ctx, entries, marks)
	if err != nil {
		s.restore(marks)
	}
	for ; held > 0; held-- {
		<-s.writing
	}
	if len(marks) > 0 {
		s.turn <- struct{}{}
	}
	for _, e := range entries {
		e.done <- err
	}
	return err
}

// next takes the entries of a group, and all pending marks.
func (s *sink) next() ([]*entry, map[string][]extract.Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, size := 0, 0
	for n < len(s.waiting) && (n == 0 || size+s.waiting[n].batch.Size() <= maxGroup) {
		size += s.waiting[n].batch.Size()
		s.waiting[n].taken = true
		n++
	}
	entries := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	marks := s.pending
	s.pending = map[string][]extract.Mark{}
	return entries, marks
}

// restore puts pending marks back that could not be written, before those that
// have come since. A walk relies on what it has marked first: the count of a
// list, say, on being older than what was counted. The marks that are written
// as a run ends may not lack one that came before them.
func (s *sink) restore(marks map[string][]extract.Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for listing, some := range marks {
		s.pending[listing] = append(some, s.pending[listing]...)
	}
}

// stage writes entries and pending marks, which it leaves as they are.
func (s *sink) stage(ctx context.Context, entries []*entry, pending map[string][]extract.Mark) error {
	batches := make([]*load.Batch, len(entries))
	marks := make(map[string][]extract.Mark, len(pending)+1)
	for listing, some := range pending {
		marks[listing] = slices.Clip(some)
	}
	for i, e := range entries {
		batches[i] = e.batch
		if e.mark.Name != "" {
			marks[e.listing] = append(marks[e.listing], e.mark)
		}
	}
	if len(batches) == 0 && len(marks) == 0 {
		return nil
	}
	if len(marks) == 0 {
		marks[""] = nil // rows alone: that they are kept is counted, too
	}
	number := s.seq.Add(1)
	_, err := retried(ctx, s.a.log, func() (struct{}, error) {
		if err := s.a.stage.Prepare(ctx, batches); err != nil {
			return struct{}{}, err
		}
		err := pgx.BeginFunc(ctx, s.a.pool, func(tx pgx.Tx) error { return s.commit(ctx, tx, number, batches, marks) })
		if errors.Is(err, errCommitted) {
			err = nil
		}
		return struct{}{}, err
	})
	if err == nil {
		s.kept.Add(int64(len(marks)))
	}
	return err
}

// errCommitted ends the repetition of a transaction that was committed, though
// the answer was lost.
var errCommitted = errors.New("committed already")

// commit stages batches and marks in a transaction. It is not waited for until
// it is on disk: what the database loses if it crashes are rows and marks
// together, and complete finds out before anything is published.
func (s *sink) commit(ctx context.Context, tx pgx.Tx, number int64, batches []*load.Batch, marks map[string][]extract.Mark) error {
	if _, err := tx.Exec(ctx, "set local synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare to stage: %w", err)
	}
	for listing, some := range marks {
		array, err := json.Marshal(some)
		if err != nil {
			return fmt.Errorf("encode the marks of %s: %w", listing, err)
		}
		first, err := s.a.run.Mark(ctx, tx, listing, number, array)
		if err != nil {
			return err
		}
		if !first {
			return errCommitted
		}
	}
	return s.a.stage.Write(ctx, tx, batches)
}

// errLost says that the database no longer has what it had committed: it has
// crashed, or another server has taken over that had not received it yet.
var errLost = errors.New("the database has lost rows of this run that it had committed; start the run again, it reads what is missing")

// complete returns errLost unless the database has kept all this attempt has
// staged.
func (s *sink) complete(ctx context.Context, tx pgx.Tx) error {
	n, err := s.a.run.CountMarks(ctx, tx, int64(s.a.run.Attempt)<<attemptBits)
	if err == nil && n != s.kept.Load() {
		err = errLost
	}
	return err
}
