package mirror

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/state"
)

// EraseUsers erases people from a tenant's mirror and its history, and abandons an
// unfinished run, which may hold them. It returns how many rows it erased, by
// table. A user who is still in Logto comes back with the next run, log entries
// included. It returns state.ErrLocked while the tenant is being read.
func EraseUsers(ctx context.Context, pool *pgxpool.Pool, tenant string, people load.DataSubjects) (map[string]int64, error) {
	lock, err := state.AcquireTenantLock(ctx, pool, tenant)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	loader, err := load.Open(ctx, pool, tenant, catalog.All())
	if err != nil {
		return nil, err
	}
	var erased map[string]int64
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := state.AbandonRuns(ctx, tx, tenant, clearRun); err != nil {
			return err
		}
		oldest, err := loader.OldestPersonLog(ctx, tx, people)
		if err != nil {
			return err
		}
		if !oldest.IsZero() {
			if err := state.ReopenWindow(ctx, tx, tenant, "logs", oldest); err != nil {
				return err
			}
		}
		if erased, err = loader.EraseUsers(ctx, tx, people); err != nil {
			return err
		}
		return state.RecordErasure(ctx, tx, tenant, people.IDs, max(people.Named, len(people.IDs)), erased)
	})
	return erased, err
}
