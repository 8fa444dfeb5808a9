package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
)

const (
	// maxPending and maxWait bound how many marks of parts without changes,
	// and for how long, are kept back to be written together: a night without
	// changes is not to write a row a page.
	maxPending = 1000
	maxWait    = time.Second
	// maxGroup is how many bytes of rows are staged in one transaction, unless
	// a single part is larger.
	maxGroup = 4 << 20
)

// sink takes what the walks read: it compares it with the mirror, and stages
// what is new or changed together with the marks. Parts that come while a
// transaction is under way go into the next one together.
type sink struct {
	a     *attempt
	empty map[string]bool // listings the mirror has nothing of
	seq   atomic.Int64    // orders what the run learns of an item
	turn  chan struct{}   // holds one token: whoever has it may write

	mu      sync.Mutex
	waiting []*entry
	pending map[string][]extract.Mark // marks of parts without changes
	since   time.Time                 // when pending got its first
	notes   map[string]map[string]int // by listing
	touched map[uint64]struct{}       // items staged by this run, of listings the mirror knows
}

// entry is a part on its way into the stage.
type entry struct {
	listing string
	batch   *load.Batch
	mark    extract.Mark
	done    chan error // receives once
}

// attemptBits is how much room the numbers of one attempt have.
const attemptBits = 40

func newSink(ctx context.Context, a *attempt) (*sink, error) {
	s := &sink{a: a, empty: map[string]bool{}, turn: make(chan struct{}, 1), pending: map[string][]extract.Mark{}, notes: map[string]map[string]int{}, touched: map[uint64]struct{}{}}
	s.turn <- struct{}{}
	s.seq.Store(int64(a.run.Attempt) << attemptBits)
	for _, l := range a.job.Listings {
		known, err := a.stage.Any(ctx, l)
		if err != nil {
			return nil, err
		}
		s.empty[l.Name] = !known
		if !known || !a.run.Resumed() {
			continue
		}
		err = a.stage.Staged(ctx, l, func(parent, id string) { s.touch(l, parent, id) })
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Known implements extract.Mirror.
func (s *sink) Known(ctx context.Context, l *catalog.Listing, parent, from, to string, limit int) ([]extract.Known, error) {
	if s.empty[l.Name] {
		return nil, nil
	}
	return retried(ctx, s.a.log, func() ([]extract.Known, error) {
		known, err := s.a.stage.Known(ctx, l, parent, from, to, limit)
		return convert(known), err
	})
}

func convert(known []load.Known) []extract.Known {
	out := make([]extract.Known, len(known))
	for i, k := range known {
		out[i] = extract.Known{ID: k.ID, Hash: extract.Hash(k.Hash)}
	}
	return out
}

// Count implements extract.Mirror.
func (s *sink) Count(ctx context.Context, l *catalog.Listing, parent string) (int, error) {
	if s.empty[l.Name] {
		return 0, nil
	}
	return retried(ctx, s.a.log, func() (int, error) { return s.a.stage.Count(ctx, l, parent) })
}

// Lookup implements extract.Mirror.
func (s *sink) Lookup(ctx context.Context, l *catalog.Listing, parent string, ids []string) ([]extract.Known, error) {
	if s.empty[l.Name] || len(ids) == 0 {
		return nil, nil
	}
	return retried(ctx, s.a.log, func() ([]extract.Known, error) {
		known, err := s.a.stage.Lookup(ctx, l, parent, ids)
		return convert(known), err
	})
}

// Latest implements extract.Mirror.
func (s *sink) Latest(ctx context.Context, l *catalog.Listing) (time.Time, error) {
	return retried(ctx, s.a.log, func() (time.Time, error) { return s.a.stage.Latest(ctx, l) })
}

// Parents implements extract.Store.
func (s *sink) Parents(ctx context.Context, l *catalog.Listing, kind, after string, limit int) ([]string, error) {
	return retried(ctx, s.a.log, func() ([]string, error) { return s.a.stage.Parents(ctx, l, kind, after, limit) })
}

// Marks implements extract.Store.
func (s *sink) Marks(ctx context.Context, l *catalog.Listing) ([]extract.Mark, error) {
	arrays, err := retried(ctx, s.a.log, func() ([][]byte, error) { return s.a.run.Marks(ctx, s.a.pool, l.Name) })
	if err != nil {
		return nil, err
	}
	var marks []extract.Mark
	for _, array := range arrays {
		var some []extract.Mark
		if err := json.Unmarshal(array, &some); err != nil {
			return nil, fmt.Errorf("decode the marks of %s: %w", l.Name, err)
		}
		marks = append(marks, some...)
	}
	return marks, nil
}

// Put implements extract.Store.
func (s *sink) Put(ctx context.Context, p extract.Part) error {
	batch, err := s.encode(ctx, p)
	if err != nil {
		return err
	}
	if batch.Changed() == 0 {
		if p.Mark.Name == "" {
			return nil
		}
		if due := s.keep(p.Listing.Name, p.Mark); !due {
			return nil
		}
		return s.flush(ctx)
	}
	e := &entry{p.Listing.Name, batch, p.Mark, make(chan error, 1)}
	s.mu.Lock()
	s.waiting = append(s.waiting, e)
	s.mu.Unlock()
	return s.write(ctx, e)
}

// encode turns the items of a part that are new or changed into rows.
func (s *sink) encode(ctx context.Context, p extract.Part) (*load.Batch, error) {
	known, err := s.lookup(ctx, p)
	if err != nil {
		return nil, err
	}
	batch := s.a.stage.NewBatch(p.Listing)
	for _, item := range p.Items {
		// What an earlier reading of this run has staged is superseded even by
		// one that equals the mirror.
		hash, before := load.Hash(known[item.ID]), s.staged(p, item.ID)
		if before {
			hash = load.Hash{}
		}
		changed, err := s.a.stage.Add(batch, p.Parent, item.ID, item.Value, hash, s.seq.Add(1))
		if err != nil {
			return nil, err
		}
		if changed && !before {
			s.touch(p.Listing, p.Parent, item.ID)
		}
	}
	for _, id := range p.Gone {
		batch.Gone(p.Parent, id, s.seq.Add(1))
		s.touch(p.Listing, p.Parent, id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, n := range batch.Notes() {
		if n > 0 {
			if s.notes[p.Listing.Name] == nil {
				s.notes[p.Listing.Name] = map[string]int{}
			}
			s.notes[p.Listing.Name][what] += n
		}
	}
	return batch, nil
}

// keyOf stands for an item in touched. Two items that share one cost a row
// staged in vain.
func keyOf(l *catalog.Listing, parent, id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(l.Name + "\x00" + parent + "\x00" + id))
	return h.Sum64()
}

// staged reports whether this run has staged the item already.
func (s *sink) staged(p extract.Part, id string) bool {
	if s.empty[p.Listing.Name] {
		return false // then nothing equals the mirror
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.touched[keyOf(p.Listing, p.Parent, id)]
	return ok
}

func (s *sink) touch(l *catalog.Listing, parent, id string) {
	if s.empty[l.Name] {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched[keyOf(l, parent, id)] = struct{}{}
}

// lookup returns what the mirror has of the items of a part.
func (s *sink) lookup(ctx context.Context, p extract.Part) (map[string]extract.Hash, error) {
	if p.Known != nil {
		return p.Known, nil
	}
	ids := make([]string, len(p.Items))
	for i, item := range p.Items {
		ids[i] = item.ID
	}
	found, err := s.Lookup(ctx, p.Listing, p.Parent, ids)
	known := make(map[string]extract.Hash, len(found))
	for _, k := range found {
		known[k.ID] = k.Hash
	}
	return known, err
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
	return s.write(ctx, nil)
}

// write writes groups until the entry is among those written; nil writes one
// group with all pending marks.
func (s *sink) write(ctx context.Context, e *entry) error {
	var done chan error
	if e != nil {
		done = e.done
	}
	for {
		select {
		case err := <-done:
			return err
		case <-s.turn:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		select {
		case err := <-done: // somebody else has written it in the meantime
			s.turn <- struct{}{}
			return err
		default:
		}
		err := s.group(ctx)
		s.turn <- struct{}{}
		if e == nil {
			return err
		}
	}
}

// group stages one group of entries, and all pending marks, in one transaction.
func (s *sink) group(ctx context.Context) error {
	s.mu.Lock()
	n, size := 0, 0
	for n < len(s.waiting) && (n == 0 || size+s.waiting[n].batch.Size() <= maxGroup) {
		size += s.waiting[n].batch.Size()
		n++
	}
	entries := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	marks := s.pending
	s.pending = map[string][]extract.Mark{}
	s.mu.Unlock()

	err := s.stage(ctx, entries, marks)
	for _, e := range entries {
		e.done <- err
	}
	return err
}

func (s *sink) stage(ctx context.Context, entries []*entry, marks map[string][]extract.Mark) error {
	batches := make([]*load.Batch, len(entries))
	for i, e := range entries {
		batches[i] = e.batch
		if e.mark.Name != "" {
			marks[e.listing] = append(marks[e.listing], e.mark)
		}
	}
	if len(batches) == 0 && len(marks) == 0 {
		return nil
	}
	_, err := retried(ctx, s.a.log, func() (struct{}, error) {
		if err := s.a.stage.Prepare(ctx, batches); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, pgx.BeginFunc(ctx, s.a.pool, func(tx pgx.Tx) error { return s.commit(ctx, tx, batches, marks) })
	})
	return err
}

// commit stages batches and marks in a transaction. It need not survive a
// crash of the database at once: what is lost then are rows and their marks
// together, and they are asked for again.
func (s *sink) commit(ctx context.Context, tx pgx.Tx, batches []*load.Batch, marks map[string][]extract.Mark) error {
	if _, err := tx.Exec(ctx, "set local synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare to stage: %w", err)
	}
	if err := s.a.stage.Write(ctx, tx, batches); err != nil {
		return err
	}
	for listing, some := range marks {
		array, err := json.Marshal(some)
		if err != nil {
			return fmt.Errorf("encode the marks of %s: %w", listing, err)
		}
		if err := s.a.run.Mark(ctx, tx, listing, array); err != nil {
			return err
		}
	}
	return nil
}
