package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

// Each run applies the rules of the next step; what is in force says which run
// has applied it, and when that was published.
func TestRulesAreInForceSinceTheRunThatChangedThem(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	var runs []int64
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	in := func(table, rules string, run int) state.TablePrivacyRules {
		return state.TablePrivacyRules{Table: table, Rules: rules, RunID: &runs[run], Since: &at}
	}
	for _, step := range []struct {
		name string
		set  map[string]string
		want func() []state.TablePrivacyRules
	}{
		{"the first rules", map[string]string{"users": "a", "roles": "b"}, func() []state.TablePrivacyRules {
			return []state.TablePrivacyRules{in("roles", "b", 0), in("users", "a", 0)}
		}},
		{"one table's are changed", map[string]string{"users": "a", "roles": "c"}, func() []state.TablePrivacyRules {
			return []state.TablePrivacyRules{in("roles", "c", 1), in("users", "a", 0)}
		}},
		{"one table has none any more", map[string]string{"users": "a"}, func() []state.TablePrivacyRules { return []state.TablePrivacyRules{in("users", "a", 0)} }},
		{"it has the same again", map[string]string{"users": "a", "roles": "c"}, func() []state.TablePrivacyRules {
			return []state.TablePrivacyRules{in("roles", "c", 3), in("users", "a", 0)}
		}},
		{"there are none", map[string]string{}, func() []state.TablePrivacyRules { return nil }},
	} {
		run, _ := begin(t, pool, errand())
		runs = append(runs, run.ID)
		var kept map[string]string
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
			if err := run.SetTenantPrivacyRules(t.Context(), tx, step.set); err != nil {
				return err
			}
			kept, err = run.TenantPrivacyRules(t.Context(), tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		finish(t, pool, run, state.Succeeded, nil)
		if diff := cmp.Diff(step.set, kept); diff != "" {
			t.Errorf("%s: kept (-want +got):\n%s", step.name, diff)
		}
		got, err := state.PrivacyRulesInForce(t.Context(), pool, run.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want(), got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: in force (-want +got):\n%s", step.name, diff)
		}
	}
	if others, err := state.PrivacyRulesInForce(t.Context(), pool, "other"); err != nil || len(others) != 0 {
		t.Errorf("another tenant has %v, %v", others, err)
	}
}
