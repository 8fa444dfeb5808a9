package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/state"
)

// KnownInRange implements extract.Mirror.
func (s *sink) KnownInRange(ctx context.Context, l *catalog.Listing, parent, from, to string, limit int) ([]extract.Known, error) {
	if s.emptyInMirror[l.Name] {
		return nil, nil
	}
	return withRetry(ctx, s.a.log, func() ([]extract.Known, error) {
		known, err := s.a.stage.KnownInRange(ctx, l, parent, from, to, limit)
		return toExtractKnown(known), err
	})
}

func toExtractKnown(known []load.KnownItem) []extract.Known {
	out := make([]extract.Known, len(known))
	for i, k := range known {
		out[i] = extract.Known{ID: k.ID, Hash: extract.Hash(k.Hash), Stale: k.Stale}
	}
	return out
}

// CountBelowParent implements extract.Mirror.
func (s *sink) CountBelowParent(ctx context.Context, l *catalog.Listing, parent string) (int, error) {
	if s.emptyInMirror[l.Name] {
		return 0, nil
	}
	return withRetry(ctx, s.a.log, func() (int, error) { return s.a.stage.CountBelowParent(ctx, l, parent) })
}

// KnownByID implements extract.Mirror.
func (s *sink) KnownByID(ctx context.Context, l *catalog.Listing, parent string, ids []string) ([]extract.Known, error) {
	if s.emptyInMirror[l.Name] || len(ids) == 0 {
		return nil, nil
	}
	return withRetry(ctx, s.a.log, func() ([]extract.Known, error) {
		known, err := s.a.stage.KnownByID(ctx, l, parent, ids)
		return toExtractKnown(known), err
	})
}

// ProvedUntil implements extract.Mirror.
func (s *sink) ProvedUntil(ctx context.Context, l *catalog.Listing) (time.Time, error) {
	return withRetry(ctx, s.a.log, func() (time.Time, error) { return state.WindowProvedUntil(ctx, s.a.pool, s.a.job.Tenant, l.Name) })
}

// Parents implements extract.Store.
func (s *sink) Parents(ctx context.Context, l *catalog.Listing, kind, after string, limit int) ([]string, error) {
	return withRetry(ctx, s.a.log, func() ([]string, error) { return s.a.stage.MergedParentIDs(ctx, l, kind, after, limit) })
}

// Checkpoints implements extract.Store.
func (s *sink) Checkpoints(ctx context.Context, l *catalog.Listing) ([]extract.Checkpoint, error) {
	if s.a.job.Changes {
		return nil, nil // an attempt begins again from its positions
	}
	arrays, err := withRetry(ctx, s.a.log, func() ([][]byte, error) { return s.a.run.Checkpoints(ctx, s.a.pool, l.Name) })
	if err != nil {
		return nil, err
	}
	var checkpoints []extract.Checkpoint
	for _, array := range arrays {
		var some []extract.Checkpoint
		if err := json.Unmarshal(array, &some); err != nil {
			return nil, fmt.Errorf("decode the checkpoints of %s: %w", l.Name, err)
		}
		checkpoints = append(checkpoints, some...)
	}
	s.restoreListingCounts(l.Name, checkpoints)
	return checkpoints, nil
}
