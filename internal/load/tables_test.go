package load_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"logto-syncer/internal/catalog"
)

// These hold the catalog to the migrations and the migrations to the house's
// rules for tables.

func TestTheTablesAreThoseOfTheMirrorAndOfItsHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []string
	for _, l := range catalog.All() {
		for _, table := range l.Tables() {
			want = append(want, table.Name)
		}
	}
	slices.Sort(want)
	for _, schema := range []string{"logto", "logto_history"} {
		got := b.texts(t, `select relname::text from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p') order by relname collate "C"`, schema)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tables of the catalog (-) and of %s (+):\n%s", schema, diff)
		}
	}
}

func TestTheKeysAreThoseOfTheCatalog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const key = `select a.attname::text from pg_index i cross join unnest(i.indkey) with ordinality k (attnum, place)
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indisprimary and i.indrelid = $1::regclass order by place`
	for _, l := range catalog.All() {
		for _, table := range l.Tables() {
			want := append([]string{"tenant_id"}, table.Key...)
			if diff := cmp.Diff(want, b.texts(t, key, "logto."+table.Name)); diff != "" {
				t.Errorf("key of %s (-catalog +migration):\n%s", table.Name, diff)
			}
			if diff := cmp.Diff(append(want, "valid_from"), b.texts(t, key, "logto_history."+table.Name)); diff != "" {
				t.Errorf("key of the history of %s (-want +migration):\n%s", table.Name, diff)
			}
		}
	}
}

func TestTheColumnsTheCatalogNamesAreThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, l := range catalog.All() {
		for _, table := range l.Tables() {
			have := b.texts(t, "select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0", "logto."+table.Name)
			named := slices.Concat(table.Key, table.Mask, table.Volatile)
			for column := range table.From {
				named = append(named, column)
			}
			for _, ref := range table.Refs {
				named = append(named, ref.Column)
			}
			for _, column := range named {
				if !slices.Contains(have, column) {
					t.Errorf("the catalog names %s.%s, which is not there", table.Name, column)
				}
			}
			if table.Only == slices.Contains(have, "extra") {
				t.Errorf("%s: only %v, has extra %v", table.Name, table.Only, slices.Contains(have, "extra"))
			}
		}
	}
}

// A reference the catalog does not know would fail a publication; one the
// tables do not know would be promised and not held.
func TestTheReferencesOfTheCatalogAreForeignKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []string
	for _, l := range catalog.All() {
		for _, table := range l.Tables() {
			for _, ref := range table.Refs {
				want = append(want, table.Name+"."+ref.Column+" -> "+ref.Table)
			}
		}
	}
	got := b.texts(t, `select format('%s.%s -> %s', f.relname, a.attname, t.relname)
from pg_constraint c join pg_class f on f.oid = c.conrelid join pg_class t on t.oid = c.confrelid
join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[2]
where c.contype = 'f' and c.connamespace = 'logto'::regnamespace and c.condeferred and array_length(c.conkey, 1) = 2`)
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("references of the catalog (-) and deferred foreign keys (+):\n%s", diff)
	}
}

func TestEverythingIsCommented(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const ours = "in ('logto', 'logto_history', 'syncer')"
	for what, sql := range map[string]string{
		"schemas": `select nspname::text from pg_namespace n where (nspname ` + ours + ` or nspname = 'syncer_stage') and obj_description(n.oid, 'pg_namespace') is null`,
		"tables": `select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where nspname ` + ours + ` and relkind in ('r', 'p', 'v', 'm') and coalesce(obj_description(c.oid, 'pg_class'), '') = ''`,
		"columns": `select c.oid::regclass || '.' || attname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
where nspname ` + ours + ` and relkind in ('r', 'p', 'v', 'm') and attnum > 0 and not attisdropped
and coalesce(col_description(c.oid, attnum), '') = ''`,
	} {
		if bare := b.texts(t, sql); len(bare) > 0 {
			t.Errorf("%s without a comment: %v", what, bare)
		}
	}
}

func TestHistoryHasTheColumnsOfTheMirror(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const columns = `select format('%s.%s %s %s "%s": %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then 'not null' end, l.collname, col_description(c.oid, attnum))
from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_collation l on l.oid = a.attcollation
where c.relnamespace = $1::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attname <> $2 order by 1`
	if diff := cmp.Diff(b.texts(t, columns, "logto", "item_hash"), b.texts(t, columns, "logto_history", "valid_to")); diff != "" {
		t.Errorf("columns of logto (-) and of logto_history (+):\n%s", diff)
	}
	tables := b.texts(t, `select count(*)::text from pg_class where relnamespace = 'logto_history'::regnamespace and relkind = 'r'`)
	ends := b.texts(t, `select count(*)::text from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'logto_history'::regnamespace and c.relkind = 'r' and attname = 'valid_to' and attnotnull`)
	if diff := cmp.Diff(tables, ends); diff != "" {
		t.Errorf("tables, and those with an end of validity:\n%s", diff)
	}
}

// A range of ids in a request has to be the same range in the table.
func TestIdsCompareByBytes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, l := range catalog.All() {
		collation := b.texts(t, `select l.collname::text from pg_attribute a join pg_collation l on l.oid = a.attcollation
where a.attrelid = $1::regclass and a.attname = $2`, "logto."+l.Name, l.IDColumn())
		if l.Walk == catalog.Split && !slices.Equal(collation, []string{"C"}) {
			t.Errorf("%s.%s has collation %v", l.Name, l.IDColumn(), collation)
		}
	}
}
