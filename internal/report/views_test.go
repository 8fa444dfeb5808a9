package report_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestEverythingInTheSchemaIsExplained(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	for name, query := range map[string]string{
		"views":     `select relname::text from pg_class where relnamespace = 'report'::regnamespace and relkind = 'v' and obj_description(oid, 'pg_class') is null`,
		"functions": `select proname::text from pg_proc where pronamespace = 'report'::regnamespace and obj_description(oid, 'pg_proc') is null`,
		"columns": `select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
			where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' and a.attnum > 0 and col_description(c.oid, a.attnum) is null`,
		"tenants first": `select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
			where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' and a.attnum = 1 and a.attname <> 'tenant_id'`,
		"tenants": `select c.relname::text from pg_class c where c.relnamespace = 'report'::regnamespace and c.relkind = 'v'
			and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, _ := pool.Query(t.Context(), query)
			missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil || len(missing) > 0 {
				t.Errorf("without: %v, error %v", missing, err)
			}
		})
	}
}

func TestEveryViewAndFunctionAnswers(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	rows, _ := pool.Query(t.Context(), `select relname::text from pg_class where relnamespace = 'report'::regnamespace and relkind = 'v'`)
	views, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(views) < 25 {
		t.Fatalf("views = %v, error %v", views, err)
	}
	for _, view := range views {
		var n int
		if err := pool.QueryRow(t.Context(), "select count(*) from (select * from report."+view+" offset 0) v").Scan(&n); err != nil {
			t.Errorf("%s: %v", view, err)
		}
		t.Logf("%s: %d", view, n)
	}
}
