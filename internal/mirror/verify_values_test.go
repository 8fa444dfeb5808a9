package mirror_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/mirror"
)

func (b *bench) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	tag, err := b.pool.Exec(t.Context(), sql, args...)
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%s: %v, %d rows", sql, err, tag.RowsAffected())
	}
}

func TestVerifyFindsValuesThatSomebodyHasOverwrittenInTheMirror(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t), "users", "organization_roles", "organization_users")
	wantProved(t, b.run(t))
	for _, v := range b.verify(t, 0) {
		if !v.Equal() {
			t.Fatalf("%s differs before anything was overwritten: %v", v.Listing, v.Differences)
		}
	}
	ids := slices.Sorted(slices.Values(userIDs(b.server.Tenant)))
	var identity string
	if err := b.pool.QueryRow(t.Context(), "select min(user_id) from logto.user_identities").Scan(&identity); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "update logto.users set name = 'Mallory', custom_data = '{\"plan\":\"free\"}' where id = $1", ids[1])
	b.exec(t, "delete from logto.user_identities where user_id = $1", identity)
	b.exec(t, `insert into logto.organization_user_roles
select m.tenant_id, m.organization_id, m.user_id, (select min(o.id) from logto.organization_roles o where o.tenant_id = m.tenant_id), m.valid_from
from logto.organization_users m
where m.tenant_id = 'acme' and not exists (
    select from logto.organization_user_roles r
    where r.tenant_id = m.tenant_id and r.organization_id = m.organization_id and r.user_id = m.user_id)
limit 1`)
	before := b.versions(t)
	want := map[string][]string{
		"users":              {ids[1] + " [custom_data name]", identity + " [user_identities]"},
		"organization_users": {"[organization_user_roles]"},
	}
	slices.Sort(want["users"])
	for _, v := range b.verify(t, 0) {
		var got []string
		for _, d := range v.Differences {
			if d.What != mirror.Changed {
				t.Errorf("%s is %s, want changed", d.ID, d.What)
			}
			text := fmt.Sprint(d.ID, " ", d.Columns)
			if d.Parent != "" {
				text = fmt.Sprint(d.Columns) // whoever it is
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want[v.Listing], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.Listing, diff)
		}
	}
	if diff := cmp.Diff(before, b.versions(t)); diff != "" {
		t.Errorf("verify has written:\n%s", diff)
	}

	b.job.Afresh = true
	wantProved(t, b.run(t))
	b.wantEqual(t)
	versions := b.versions(t)
	wantProved(t, b.run(t))
	if diff := cmp.Diff(versions, b.versions(t)); diff != "" {
		t.Errorf("a backfill has written rows that were right:\n%s", diff)
	}
}

// Each column of each table, one after another: none is believed.
func TestVerifyComparesEveryColumnOfEveryTable(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t), slices.DeleteFunc(catalog.Names(), func(name string) bool { return name == "logs" })...)
	b.runner.Log = silent()
	wantProved(t, b.run(t))
	rows, err := b.pool.Query(t.Context(), `select c.table_name, c.column_name, c.data_type from information_schema.columns c
where c.table_schema = 'logto' and c.table_name <> 'logs' and c.column_name not in ('tenant_id', 'item_hash', 'valid_from')
    and not exists (select from information_schema.key_column_usage k where k.table_schema = 'logto' and k.table_name = c.table_name and k.column_name = c.column_name)
order by 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ Table, Name, Type string }
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil || len(columns) < 50 {
		t.Fatalf("%d columns, %v", len(columns), err)
	}
	other := map[string]string{
		"text": "'another'", "boolean": "not coalesce(%s, false)", "bigint": "4711", "timestamp with time zone": "'1999-01-01'", "jsonb": `'{"another": 1}'`,
	}
	want := map[string]bool{}
	for _, c := range columns {
		name := pgx.Identifier{c.Name}.Sanitize()
		value := other[c.Type]
		if c.Type == "boolean" {
			value = fmt.Sprintf(value, name)
		}
		tag, err := b.pool.Exec(t.Context(), fmt.Sprintf("update logto.%s set %s = %s", pgx.Identifier{c.Table}.Sanitize(), name, value))
		if err != nil {
			t.Fatal(err)
		}
		if tag.RowsAffected() > 0 {
			want[c.Table+"."+c.Name] = true
		}
	}
	for _, v := range b.verify(t, 0) {
		for _, d := range v.Differences {
			for _, name := range d.Columns {
				delete(want, name)
				delete(want, v.Listing+"."+name)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("overwritten, and not found: %v", want)
	}
}
