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

// queuedChunk is a chunk on its way into the stage.
type queuedChunk struct {
	listing    string
	batch      *load.Batch
	checkpoint extract.Checkpoint
	done       chan error // receives once
	taken      bool       // into a group; guarded by the sink's mu
}

// deferRowlessCheckpoint puts the checkpoint of a chunk without changes aside. It reports true when it
// is time to write those that are there.
func (s *sink) deferRowlessCheckpoint(listing string, m extract.Checkpoint) (due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pendingCheckpoints) == 0 {
		s.pendingSince = time.Now()
	}
	s.pendingCheckpoints[listing] = append(s.pendingCheckpoints[listing], m)
	return len(s.pendingCheckpoints[listing]) >= maxPendingCheckpoints || time.Since(s.pendingSince) > maxCheckpointDelay
}

// flush writes what is waiting and pending.
func (s *sink) flush(ctx context.Context) error {
	return s.commitInGroup(ctx, ctx, nil)
}

// commitInGroup writes groups until the entry is among those written; nil writes one
// group with all pending checkpoints. ctx bounds the wait for a turn, run the writing:
// a list that ends early, since its parent is gone, must not take along what
// others have in its group.
func (s *sink) commitInGroup(ctx, run context.Context, e *queuedChunk) error {
	var done chan error
	turn := s.groupToken
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
		if s.isTaken(e) { // somebody else is writing it, or has in the meantime
			s.groupToken <- struct{}{}
			turn = nil
			continue
		}
		if err := s.writeGroup(run); e == nil {
			return err
		}
	}
}

func (s *sink) isTaken(e *queuedChunk) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e != nil && e.taken
}

// writeGroup stages one group of entries, and all pending checkpoints, in one transaction.
// The caller has the turn, which is given on. Groups are written beside each
// other, but for one with pending checkpoints: those of whoever comes after it rely
// on them, and are not to be kept when it is lost.
func (s *sink) writeGroup(ctx context.Context) error {
	s.writers <- struct{}{} // meanwhile more come
	entries, checkpoints := s.takeGroup()
	held := 1
	if len(checkpoints) == 0 {
		s.groupToken <- struct{}{}
	} else {
		for ; held < maxWriters; held++ {
			s.writers <- struct{}{}
		}
	}
	err := s.stageGroup(ctx, entries, checkpoints)
	if err != nil {
		s.requeueCheckpoints(checkpoints)
	}
	for ; held > 0; held-- {
		<-s.writers
	}
	if len(checkpoints) > 0 {
		s.groupToken <- struct{}{}
	}
	for _, e := range entries {
		e.done <- err
	}
	return err
}

// takeGroup takes the entries of a group, and all pending checkpoints.
func (s *sink) takeGroup() ([]*queuedChunk, map[string][]extract.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, size := 0, 0
	for n < len(s.waiting) && (n == 0 || size+s.waiting[n].batch.Size() <= maxGroupBytes) {
		size += s.waiting[n].batch.Size()
		s.waiting[n].taken = true
		n++
	}
	entries := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	checkpoints := s.pendingCheckpoints
	s.pendingCheckpoints = map[string][]extract.Checkpoint{}
	return entries, checkpoints
}

// requeueCheckpoints puts pending checkpoints back that could not be written, before those that
// have come since. A walk relies on what it has marked first: the count of a
// list, say, on being older than what was counted. The checkpoints that are written
// as a run ends may not lack one that came before them.
func (s *sink) requeueCheckpoints(checkpoints map[string][]extract.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for listing, some := range checkpoints {
		s.pendingCheckpoints[listing] = append(some, s.pendingCheckpoints[listing]...)
	}
}

// stageGroup writes entries and pending checkpoints, which it leaves as they are.
func (s *sink) stageGroup(ctx context.Context, entries []*queuedChunk, pending map[string][]extract.Checkpoint) error {
	batches := make([]*load.Batch, len(entries))
	checkpoints := make(map[string][]extract.Checkpoint, len(pending)+1)
	for listing, some := range pending {
		checkpoints[listing] = slices.Clip(some)
	}
	for i, e := range entries {
		batches[i] = e.batch
		if e.checkpoint.Name != "" {
			checkpoints[e.listing] = append(checkpoints[e.listing], e.checkpoint)
		}
	}
	if len(batches) == 0 && len(checkpoints) == 0 {
		return nil
	}
	if len(checkpoints) == 0 {
		checkpoints[""] = nil // rows alone: that they are kept is counted, too
	}
	number := s.seq.Add(1)
	_, err := withRetry(ctx, s.a.log, func() (struct{}, error) {
		if err := s.a.stage.EnsureTables(ctx, batches); err != nil {
			return struct{}{}, err
		}
		err := s.a.inTrackedTx(ctx, func(tx pgx.Tx) error { return s.stageGroupInTx(ctx, tx, number, batches, checkpoints) })
		if errors.Is(err, errAlreadyCommitted) {
			err = nil
		}
		return struct{}{}, err
	})
	if err == nil {
		s.committed.Add(int64(len(checkpoints)))
	}
	return err
}

// errAlreadyCommitted ends the repetition of a transaction that was committed, though
// the answer was lost.
var errAlreadyCommitted = errors.New("committed already")

// stageGroupInTx stages batches and checkpoints in a transaction. It is not waited for until
// it is on disk: what the database loses if it crashes are rows and checkpoints
// together, and checkNoRowsLost finds out before anything is published.
func (s *sink) stageGroupInTx(ctx context.Context, tx pgx.Tx, number int64, batches []*load.Batch, checkpoints map[string][]extract.Checkpoint) error {
	if err := s.a.run.Fence(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "set local synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare to stage: %w", err)
	}
	for listing, some := range checkpoints {
		array, err := json.Marshal(some)
		if err != nil {
			return fmt.Errorf("encode the checkpoints of %s: %w", listing, err)
		}
		first, err := s.a.run.SaveCheckpoints(ctx, tx, listing, number, array)
		if err != nil {
			return err
		}
		if !first {
			return errAlreadyCommitted
		}
	}
	return s.a.stage.Write(ctx, tx, batches)
}

// errRowsLost says that the database no longer has what it had committed: it has
// crashed, or another server has taken over that had not received it yet.
var errRowsLost = errors.New("the database has lost rows of this run that it had committed; start the run again, it reads what is missing")

// checkNoRowsLost returns errRowsLost unless the database has kept all this attempt has
// staged.
func (s *sink) checkNoRowsLost(ctx context.Context, tx pgx.Tx) error {
	n, err := s.a.run.CountCheckpointsFromSequence(ctx, tx, int64(s.a.run.Attempt)<<attemptBits)
	if err == nil && n != s.committed.Load() {
		err = errRowsLost
	}
	return err
}
