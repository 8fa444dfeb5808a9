package report_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report"
	"logto-syncer/internal/report/reporttest"
	"logto-syncer/internal/state"
)

// without returns a preparation that mirrors the recorded tenant but for some
// listings, and what needs them.
func without(listings ...string) func(context.Context, *pgxpool.Pool) error {
	return func(ctx context.Context, pool *pgxpool.Pool) error {
		tenant, err := recordedTenant()
		if err != nil {
			return err
		}
		if _, err := state.Migrate(ctx, pool); err != nil {
			return err
		}
		server := logtotest.Start(tenant)
		defer server.Close()
		job := everything(acme, server)
		job.Listings = slices.DeleteFunc(catalog.All(), func(l *catalog.Listing) bool {
			return slices.ContainsFunc(listings, func(name string) bool { return l.Name == name || slices.Contains(l.Needs, name) })
		})
		return syncJob(ctx, pool, server, job)
	}
}

// optional lists the listings that are mirrored on request.
func optional() (names []string) {
	for _, l := range catalog.All() {
		if l.Optional {
			names = append(names, l.Name)
		}
	}
	return names
}

// An asked question is one whose answer may rest on any listing.
type askedQuestion struct{ name, sql string }

// askable returns every view, and every question of the document asked of this
// tenant: a new one is among them without anybody's doing.
func askable(t *testing.T, pool *pgxpool.Pool) []askedQuestion {
	t.Helper()
	rows, _ := pool.Query(t.Context(), `select relname::text from pg_class where relnamespace = 'report'::regnamespace and relkind = 'v' order by 1`)
	views, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(views) < 25 {
		t.Fatalf("views %v, error %v", views, err)
	}
	var all []askedQuestion
	for _, view := range views {
		if !slices.Contains(aboutTheMirror(), view) {
			all = append(all, askedQuestion{"view " + view, "select * from report." + view + " where tenant_id = 'acme'"})
		}
	}
	document, err := os.ReadFile(questionsFile)
	if err != nil {
		t.Fatal(err)
	}
	questions, err := reporttest.ParseQuestions(string(document))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		if !strings.Contains(q.SQL, globex) && !slices.ContainsFunc(aboutTheMirror(), func(view string) bool { return strings.Contains(q.SQL, "report."+view) }) {
			all = append(all, askedQuestion{"question " + q.Number, q.SQL})
		}
	}
	reports, err := report.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		all = append(all, askedQuestion{"report " + r.Name, ""})
	}
	return all
}

// aboutTheMirror are the views about the mirror itself, which change with what
// is mirrored.
func aboutTheMirror() []string {
	return []string{"certificates", "freshness", "mirrored_tables", "runs", "run_progress", "tenants", "privacy_rules", "erasures"}
}

// ofTheMirror are columns that say when something was read, which differs from
// mirror to mirror.
func ofTheMirror() []string {
	return []string{"history_since", "first_proved_at", "read_at", "published_at", "last_proved_at"}
}

// collect gathers the rows of an answer by column; null is absent.
type collect struct {
	columns []report.Column
	rows    []map[string]string
}

func (c *collect) Begin(columns []report.Column) error {
	c.columns = columns
	return nil
}

func (c *collect) Row(values []any) error {
	row := map[string]string{}
	for i, v := range values {
		if v != nil && !slices.Contains(ofTheMirror(), c.columns[i].Name) {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			row[c.columns[i].Name] = string(text)
		}
	}
	c.rows = append(c.rows, row)
	return nil
}

func (c *collect) End() error { return nil }

// answer asks a question. An error that says that there is no answer is a
// notice; so is a name that nothing has, since what it names is not mirrored.
func answer(t *testing.T, pool *pgxpool.Pool, q askedQuestion) ([]map[string]string, string) {
	t.Helper()
	var r *report.Report
	var err error
	args := map[string]string{}
	if name, isReport := strings.CutPrefix(q.name, "report "); isReport {
		if r, err = report.LoadByName("", name); err == nil {
			args = required(r)
		}
	} else {
		r, err = report.Parse("x", q.name, head+q.sql)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := &collect{}
	got, err := report.Run(t.Context(), pool, r, report.RunOptions{Args: args, Wide: true}, out)
	var notices []string
	for _, n := range got.Notices {
		notices = append(notices, n.String())
	}
	unanswerable, noAnswer := errors.AsType[*report.UnanswerableError](err)
	argument, noName := errors.AsType[*report.ArgumentError](err)
	switch {
	case noAnswer:
		return nil, unanswerable.String()
	case noName:
		return nil, argument.Error() + " " + argument.Hint
	case err != nil:
		t.Fatalf("%s: %v", q.name, err)
	}
	return out.rows, strings.Join(notices, "\n")
}

// weaker reports whether a row says nothing but what the other says: each value
// is the same or not there.
func weaker(row, than map[string]string) bool {
	for column, value := range row {
		if than[column] != value {
			return false
		}
	}
	return true
}

// With a listing off, no view, question or report says anything that is not so
// with it on. Rows may be missing and values null, and then it says why.
func TestAnAnswerWithoutAListingIsNeverAnotherAnswer(t *testing.T) {
	t.Parallel()
	full := mirrored(t)
	var all []askedQuestion
	want, same := map[string][]map[string]string{}, map[string]map[string]bool{}
	for _, q := range askable(t, full) {
		if slices.Contains([]string{"report freshness", "view active_users", "report active_users", "view dormant_users", "report dormant_users"}, q.name) {
			continue // says what is mirrored, or counts users up to now, which goes on
		}
		all = append(all, q)
		want[q.name], _ = answer(t, full, q)
		same[q.name] = map[string]bool{}
		for _, row := range want[q.name] {
			same[q.name][fmt.Sprint(row)] = true
		}
	}
	for _, off := range append(optional(), "user_roles", "application_roles", "role_scopes", "organization_users", "organization_applications", "organization_invitations") {
		t.Run(off, func(t *testing.T) {
			t.Parallel()
			part := pgtest.NewDatabaseURL(t, nil)
			pool := connect(t, part)
			if err := without(off)(t.Context(), pool); err != nil {
				t.Fatal(err)
			}
			for _, q := range all {
				got, notices := answer(t, pool, q)
				differ := len(want[q.name]) != len(got)
				for _, row := range got {
					if same[q.name][fmt.Sprint(row)] {
						continue
					}
					differ = true
					if !slices.ContainsFunc(want[q.name], func(w map[string]string) bool { return weaker(row, w) }) {
						t.Errorf("%s, without %s: %v, which is not so", q.name, off, row)
						break
					}
				}
				if differ && notices == "" {
					t.Errorf("%s, without %s: %d rows instead of %d, or less in them, and nothing says why", q.name, off, len(got), len(want[q.name]))
				}
			}
		})
	}
}

// connect opens a pool that ends with the test.
func connect(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// With every optional listing off, on, and switched on later, each view is
// what the plain computation says of what is known.
func TestAViewShowsWhatIsKnownWhateverIsMirrored(t *testing.T) {
	t.Parallel()
	tr := newTruth(recorded(t))
	unknown := map[string][]string{ // what a view cannot say without the optional listings
		"user_directory": {"sso_identities", "mfa_factors"}, "organization_email_domains": {"joins_by_itself"},
	}
	off, later := connect(t, pgtest.NewDatabaseURL(t, nil)), connect(t, pgtest.NewDatabaseURL(t, nil))
	for _, pool := range []*pgxpool.Pool{off, later} {
		if err := without(optional()...)(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
	}
	server := logtotest.Start(recorded(t))
	defer server.Close()
	if err := syncOnce(t.Context(), later, server); err != nil {
		t.Fatal(err)
	}
	for source, compute := range everyView() {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			want := compute(tr)
			if source == "duplicate_people" || source == "identity_providers" {
				return // rows of enterprise identities: compared by the test above
			}
			wantSame(t, compute(newTruth(recorded(t))), shown(t, later, source))
			for _, r := range want {
				for _, column := range unknown[source] {
					r[column] = nil
				}
			}
			wantSame(t, want, shown(t, off, source))
		})
	}
	if rows := shown(t, later, "changes_between('-infinity', 'infinity')"); len(rows) > 0 {
		t.Errorf("switching a listing on is %d changes, such as %v", len(rows), rows[0])
	}
}

// The catalog in the database is the program's.
func TestTheDatabaseKnowsEveryListing(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	for _, l := range catalog.All() {
		var names []string
		var isOptional bool
		err := pool.QueryRow(t.Context(), "select table_names, is_optional from syncer.listings where listing = $1", l.Name).Scan(&names, &isOptional)
		var want []string
		for _, table := range l.Tables() {
			want = append(want, table.Name)
		}
		if err != nil || !slices.Equal(want, names) || isOptional != l.Optional {
			t.Errorf("%s: %v, optional %v, error %v", l.Name, names, isOptional, err)
		}
	}
	var n int
	if err := pool.QueryRow(t.Context(), "select count(*) from syncer.listings").Scan(&n); err != nil || n != len(catalog.All()) {
		t.Errorf("%d listings, error %v", n, err)
	}
}
