package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

func named(context.Context, *pgxpool.Pool) error { return nil }

type receiver struct{}

func (receiver) prepare(context.Context, *pgxpool.Pool) error { return nil }

func TestPrepareMustBeANamedFunction(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare Prepare
		ok      bool
	}{
		"a function":         {named, true},
		"a function literal": {func(context.Context, *pgxpool.Pool) error { return nil }, false},
		"a method value":     {receiver{}.prepare, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if key, err := prepareName(tc.prepare); (err == nil) != tc.ok {
				t.Errorf("name = %q, error = %v", key, err)
			}
		})
	}
}
