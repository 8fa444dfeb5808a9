package state_test

import (
	"errors"
	"testing"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func TestOnlyADatabaseWithCitusCanBeDistributed(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	if yes, err := state.Distributed(t.Context(), pool); yes || err != nil {
		t.Errorf("distributed: %v, %v", yes, err)
	}
	err := state.DistributeTables(t.Context(), pool, func(table string) { t.Errorf("distributed %s", table) })
	if !errors.Is(err, state.ErrNoCitus) {
		t.Errorf("distribute: %v, want that the extension is missing", err)
	}
}
