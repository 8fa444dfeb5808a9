package mirror

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
)

const (
	// maxPendingCheckpoints and maxWait bound how many checkpoints of chunks without changes,
	// and for how long, are kept back to be written together: a night without
	// changes is not to write a row a page.
	maxPendingCheckpoints = 1000
	maxCheckpointDelay    = time.Second
	// maxGroupBytes is how many bytes of rows are staged in one transaction, unless
	// a single part is larger.
	maxGroupBytes = 4 << 20
	// maxWriters is how many transactions stage rows at once. With one, either
	// the program waits for the database or the database for the program.
	maxWriters = 2
)

// sink takes what the walks read: it compares it with the mirror, and stages
// what is new or changed together with the checkpoints. Parts that come while
// transactions are under way go into the next one together.
type sink struct {
	a             *attempt
	run           context.Context // the run's: who writes does so for other lists than its own
	emptyInMirror map[string]bool // listings the mirror has nothing of
	seq           atomic.Int64    // orders what the run learns of an item
	committed     atomic.Int64    // checkpoints this attempt has committed
	groupToken    chan struct{}   // holds one token: whoever has it may put a group together
	writers       chan struct{}   // holds as many as groups are being written; whoever has the turn puts them in

	mu                 sync.Mutex
	waiting            []*queuedChunk
	pendingCheckpoints map[string][]extract.Checkpoint // checkpoints of chunks without changes
	pendingSince       time.Time                       // when pending got its first
	notes              map[string]map[string]int       // of what this attempt has stored, by listing
	mirroredSeen       map[string]int                  // items seen that the mirror had, by listing
	stagedItems        map[uint64]struct{}             // items staged by this run, of listings the mirror knows
}

// attemptBits is how much room the numbers of one attempt have.
const attemptBits = 40

func newSink(ctx context.Context, a *attempt) (*sink, error) {
	s := &sink{a: a, run: ctx, emptyInMirror: map[string]bool{}, groupToken: make(chan struct{}, 1), writers: make(chan struct{}, maxWriters), pendingCheckpoints: map[string][]extract.Checkpoint{}, notes: map[string]map[string]int{}, mirroredSeen: map[string]int{}, stagedItems: map[uint64]struct{}{}}
	s.groupToken <- struct{}{}
	s.seq.Store(int64(a.run.Attempt) << attemptBits)
	for _, l := range a.job.Listings {
		known, err := a.stage.HasRows(ctx, l)
		if err != nil {
			return nil, err
		}
		s.emptyInMirror[l.Name] = !known
		if !known || !a.run.Resumed() {
			continue
		}
		err = a.stage.EachItem(ctx, l, func(parent, id string) { s.recordStaged(l, parent, id) })
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Put implements extract.Store.
func (s *sink) Put(ctx context.Context, p extract.Chunk) error {
	batch, err := s.encodeChanges(ctx, &p)
	if err != nil {
		return err
	}
	s.addNotes(p.Listing.Name, &p.Checkpoint, batch.Notes())
	if batch.ItemCount() == 0 {
		if p.Checkpoint.Name == "" || s.a.job.Changes { // a run of changes is not resumed
			return nil
		}
		if due := s.deferRowlessCheckpoint(p.Listing.Name, p.Checkpoint); !due {
			return nil
		}
		return s.commitInGroup(ctx, s.run, nil)
	}
	e := &queuedChunk{listing: p.Listing.Name, batch: batch, checkpoint: p.Checkpoint, done: make(chan error, 1)}
	s.mu.Lock()
	s.waiting = append(s.waiting, e)
	s.mu.Unlock()
	return s.commitInGroup(ctx, s.run, e)
}

// encodeChanges turns the items of a chunk that are new or changed into rows, and
// counts in its checkpoint those the mirror had.
func (s *sink) encodeChanges(ctx context.Context, chunk *extract.Chunk) (*load.Batch, error) {
	p := *chunk
	known, err := s.lookupChunk(ctx, p)
	if err != nil {
		return nil, err
	}
	chunk.Checkpoint.Known = s.countMirroredSeen(p, known)
	batch := s.a.stage.NewBatch(p.Listing)
	for _, item := range p.Items {
		// What an earlier reading of this run has staged is superseded even by
		// one that equals the mirror. A backfill compares values, not hashes: it
		// repairs what somebody has overwritten.
		hash, before := load.ItemHash(known[item.ID]), s.isItemStaged(p, item.ID)
		if before || s.a.job.Afresh {
			hash = load.ItemHash{}
		}
		changed, err := s.a.stage.AddItem(batch, p.Parent, item.ID, item.Value, hash, s.seq.Add(1))
		if err != nil {
			return nil, err
		}
		if changed && !before {
			s.recordStaged(p.Listing, p.Parent, item.ID)
		}
	}
	for _, id := range p.Deleted {
		batch.Delete(p.Parent, id, s.seq.Add(1))
		s.recordStaged(p.Listing, p.Parent, id)
	}
	return batch, nil
}

// addNotes adds what storing a chunk has come to: to what this attempt knows and,
// for the next one, to the checkpoint.
func (s *sink) addNotes(listing string, c *extract.Checkpoint, notes map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, n := range notes {
		if n == 0 {
			continue
		}
		if s.notes[listing] == nil {
			s.notes[listing] = map[string]int{}
		}
		if c.Notes == nil {
			c.Notes = map[string]int{}
		}
		s.notes[listing][what] += n
		c.Notes[what] += n
	}
}

// countMirroredSeen counts the items of a chunk that the mirror had, of listings that
// tell tenants apart.
func (s *sink) countMirroredSeen(p extract.Chunk, known map[string]extract.Hash) (alive int) {
	if !slices.Contains(tellTenantsApart, p.Listing.Name) {
		return 0
	}
	for _, item := range p.Items {
		if _, ok := known[item.ID]; ok {
			alive++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mirroredSeen[p.Listing.Name] += alive
	return alive
}

// restoreListingCounts replaces what this attempt knows of a listing by what its checkpoints
// do: it is about to be read, from them on.
func (s *sink) restoreListingCounts(listing string, checkpoints []extract.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.notes, listing) // the walk takes over those of the checkpoints
	delete(s.mirroredSeen, listing)
	for _, c := range checkpoints {
		s.mirroredSeen[listing] += c.Known
	}
}

// listingsEmptyInMirror returns the listings of which the mirror had nothing before
// this run.
func (s *sink) listingsEmptyInMirror() (names []string) {
	for name, empty := range s.emptyInMirror {
		if empty {
			names = append(names, name)
		}
	}
	return names
}

// hashItemKey stands for an item in touched. Two items that share one cost a row
// staged in vain.
func hashItemKey(l *catalog.Listing, parent, id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(l.Name + "\x00" + parent + "\x00" + id))
	return h.Sum64()
}

// isItemStaged reports whether this run has staged the item already.
func (s *sink) isItemStaged(p extract.Chunk, id string) bool {
	if s.emptyInMirror[p.Listing.Name] {
		return false // then nothing equals the mirror
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.stagedItems[hashItemKey(p.Listing, p.Parent, id)]
	return ok
}

func (s *sink) recordStaged(l *catalog.Listing, parent, id string) {
	if s.emptyInMirror[l.Name] {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stagedItems[hashItemKey(l, parent, id)] = struct{}{}
}

// lookupChunk returns what the mirror has of the items of a chunk.
func (s *sink) lookupChunk(ctx context.Context, p extract.Chunk) (map[string]extract.Hash, error) {
	if p.Known != nil {
		return p.Known, nil
	}
	ids := make([]string, len(p.Items))
	for i, item := range p.Items {
		ids[i] = item.ID
	}
	found, err := s.KnownByID(ctx, p.Listing, p.Parent, ids)
	known := make(map[string]extract.Hash, len(found))
	for _, k := range found {
		known[k.ID] = k.Hash
	}
	return known, err
}
