package load_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

func TestUnresolvedAreTheReferencesNobodyHasSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("users", "mirrored"), item("organizations", "o"))
	stage := b.stage(t, item("users", "staged"), item("organization_roles", "or").with(`"resourceScopes":[{"id":"s"}]`),
		below("o", item("organization_users", "mirrored")), below("o", item("organization_users", "staged")),
		below("o", item("organization_users", "missing").with(`"organizationRoles":[{"id":"or"},{"id":"late"}]`)),
		below("p", item("organization_users", "missing")),
		item("organization_invitations", "i").with(`"inviterId":null,"acceptedUserId":"inviter"`))
	got, err := stage.UnresolvedReferences(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"users": {"inviter", "missing"}, "organizations": {"p"}, "organization_roles": {"late"}, "scopes": {"s"},
	}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("unresolved (-want +got):\n%s", diff)
	}
}

// Nobody has told the planner how many rows are staged. If it joins them with a nested
// loop, a tenant of 200,000 users waits half a minute.
func TestReferencesAreNotLookedForByComparingEachRowWithEach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var readings []reading
	for i := range 1000 {
		readings = append(readings, item("users", fmt.Sprint("u", i)), below("o", item("organization_users", fmt.Sprint("u", i))))
	}
	b.stage(t, readings...)
	sent := &statementRecorder{}
	cfg := b.pool.Config()
	cfg.ConnConfig.Tracer = sent
	traced, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer traced.Close()
	stage, err := open(t, traced, b.tenant).loader.OpenStage(t.Context(), b.runs)
	if err != nil {
		t.Fatal(err)
	}
	sent.statements = nil
	if got, err := stage.UnresolvedReferences(t.Context()); err != nil || len(got) != 1 || len(got["organizations"]) != 1 {
		t.Fatalf("unresolved: %v, %v; want organization o", got, err)
	}
	if len(sent.statements) < 2 {
		t.Fatalf("%d statements: this looks at nothing", len(sent.statements))
	}
	for _, sql := range sent.statements {
		plan := strings.Join(b.texts(t, "explain "+strings.ReplaceAll(sql, "$1", "'"+b.tenant+"'")), "\n")
		if strings.Contains(plan, "Join Filter") {
			t.Errorf("each row is compared with each:\n%s\n%s", sql, plan)
		}
	}
}

// A statementRecorder keeps the statements that a pool sends.
type statementRecorder struct{ statements []string }

// TraceQueryStart implements pgx.QueryTracer.
func (r *statementRecorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.statements = append(r.statements, data.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (r *statementRecorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestNothingIsUnresolvedOfAnEmptyStage(t *testing.T) {
	t.Parallel()
	if got, err := setup(t).stage(t).UnresolvedReferences(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestParentsAreThoseThereWillBe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	role := func(id, kind string) reading { return item("roles", id).with(`"type":` + kind) }
	b.run(t, role("a", `"User"`), role("B", `"User"`), role("c", `"MachineToMachine"`), role("d", `null`), role("e", `"User"`), role("f", `"User"`))
	stage := b.stage(t, role("a", `"User"`).with(`"name":"A"`), role("ä", `"User"`), gone("roles", "e"), gone("users", "f"),
		gone("roles", "f"), role("f", `"User"`).with(`"name":"again"`))
	for name, tc := range map[string]struct {
		kind, after string
		limit       int
		want        []string
	}{
		"all, by bytes":               {"", "", 10, []string{"B", "a", "c", "d", "f", "ä"}},
		"those of a type, or of none": {"User", "", 10, []string{"B", "a", "d", "f", "ä"}},
		"a page of them":              {"User", "a", 2, []string{"d", "f"}},
		"none behind the last":        {"", "ä", 10, nil},
	} {
		got, err := stage.MergedParentIDs(t.Context(), catalog.Find("roles"), tc.kind, tc.after, tc.limit)
		if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestKnownIsARangeByBytes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := []string{"0", "9z", "A", "Z", "a", "a-", "a0", "aZ", "aa", "b", "~", "ä", "😀"}
	var readings []reading
	for _, id := range ids {
		readings = append(readings, item("users", id), below("r", item("user_roles", id)))
	}
	b.run(t, append(readings, item("roles", "r"), item("roles", "q"), below("q", item("user_roles", "a")))...)
	for name, tc := range map[string]struct {
		from, to string
		limit    int
		want     []string
	}{
		"all":                        {"", "", 0, ids},
		"a prefix":                   {"a", "b", 0, ids[4:9]},
		"the end is not in it":       {"A", "Z", 0, ids[2:3]},
		"no end":                     {"~", "", 0, ids[10:]},
		"no more than asked for":     {"a", "", 2, ids[4:6]},
		"an empty range":             {"c", "d", 0, nil},
		"it is not the locale's way": {"Z", "a", 0, ids[3:4]},
	} {
		for listing, parent := range map[string]string{"users": "", "user_roles": "r"} {
			known, err := b.loader.KnownInRange(t.Context(), catalog.Find(listing), parent, tc.from, tc.to, tc.limit)
			var got []string
			for _, k := range known {
				got = append(got, k.ID)
				if k.Hash == (load.ItemHash{}) {
					t.Errorf("%s has no hash", k.ID)
				}
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
				t.Errorf("%s of %s: %v (-want +got):\n%s", name, listing, err, diff)
			}
		}
	}
	if n, err := b.loader.CountBelowParent(t.Context(), catalog.Find("user_roles"), "r"); n != len(ids) || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
	if n, err := b.loader.CountBelowParent(t.Context(), catalog.Find("user_roles"), "none"); n != 0 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
}

func TestLookupFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("users", "a"), item("users", "it's"), item("roles", "r"), below("r", item("user_roles", "a")))
	for _, tc := range []struct {
		listing, parent string
		want            []string
	}{
		{"users", "", []string{"a", "it's"}}, {"user_roles", "r", []string{"a"}}, {"user_roles", "q", nil},
	} {
		known, err := b.loader.KnownByID(t.Context(), catalog.Find(tc.listing), tc.parent, []string{"a", "it's", "nobody", "a"})
		var got []string
		for _, k := range known {
			got = append(got, k.ID)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s of %s: %v (-want +got):\n%s", tc.listing, tc.parent, err, diff)
		}
	}
}

func TestHasRowsTellsOfTheTenantAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := open(t, b.pool, "other")
	logs := catalog.Find("logs")
	b.run(t, item("logs", "a").with(`"createdAt":1700000000123`), item("logs", "b").with(`"createdAt":5`), item("logs", "c"))
	for _, tc := range []struct {
		loader *load.Loader
		want   bool
	}{{b.loader, true}, {other.loader, false}} {
		if got, err := tc.loader.HasRows(t.Context(), logs); got != tc.want || err != nil {
			t.Errorf("any: %v, %v, want %v", got, err, tc.want)
		}
	}
}

func TestAStageOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stage(t, item("users", "a"), gone("users", "b"))
	b.runs = 11
	b.stage(t, item("users", "other")) // run 12, whose name begins like that of run 1
	loader, err := load.Open(t.Context(), b.pool, "acme", catalog.All())
	if err != nil {
		t.Fatal(err)
	}
	again, err := loader.OpenStage(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, again, b.batches(t, item("users", "c").with(`"identities":{"a":{}}`)))
	b.runs = 1
	changes, err := b.publish(t, again, load.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{Inserted: 2})
	left := b.texts(t, "select relname::text from pg_class where relnamespace = 'syncer_stage'::regnamespace")
	if diff := cmp.Diff([]string{"run_12_users"}, left); diff != "" {
		t.Errorf("stage tables left (-want +got):\n%s", diff)
	}
}

// The statement of an attempt that was broken off goes on in the server for a
// moment: the next attempt may come upon the tables it is about to make.
func TestAStageIsPreparedBesideWhatIsLeftOfAnAttempt(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"commit", "rollback"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			stage, err := b.loader.OpenStage(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			batches := b.batches(t, item("users", "a"), gone("users", "b"))
			before, err := b.pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer before.Release()
			if _, err := before.Exec(t.Context(), `begin; create table syncer_stage.run_1_users (like logto.users, stage_seq bigint not null);
alter table syncer_stage.run_1_users drop column valid_from`); err != nil {
				t.Fatal(err)
			}
			prepared := make(chan error, 1)
			go func() { prepared <- stage.EnsureTables(t.Context(), batches) }()
			const waits = "select count(*)::text from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
			for b.texts(t, waits)[0] == "0" && len(prepared) == 0 {
			}
			if _, err := before.Exec(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			if err := <-prepared; err != nil {
				t.Fatal(err)
			}
			b.write(t, stage, batches)
			b.runs = 1
			changes, err := b.publish(t, stage, load.PublishOptions{})
			if err != nil {
				t.Fatal(err)
			}
			counts(t, changes["users"], load.ChangeCounts{Inserted: 1})
		})
	}
}

func TestAStageIsPreparedByOneAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stage, err := b.loader.OpenStage(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	batches := b.batches(t, item("users", "a"))
	before, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Exec(t.Context(), "create table syncer_stage.run_1_users (id text)"); err != nil {
		t.Fatal(err)
	}
	const callers = 2
	prepared := make(chan error, callers)
	for range callers {
		go func() { prepared <- stage.EnsureTables(t.Context(), batches) }()
	}
	const waiting = "select count(*)::text from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
	most := ""
	for n := 0; n < 200; { // more than one are there within a few
		if now := b.texts(t, waiting)[0]; now != "0" {
			most = max(most, now)
			n++
		}
	}
	if most != "1" {
		t.Errorf("%s make the same tables at once", most)
	}
	if err := before.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range callers {
		if err := <-prepared; err != nil {
			t.Error(err)
		}
	}
}

func TestAStageThatWasNeverMadeCanBeDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return load.DropStage(t.Context(), tx, "acme", 7) }); err != nil {
		t.Error(err)
	}
}

func TestALoaderNeedsTheTablesOfItsListings(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"a table is missing":      "drop table logto.logs",
		"a key is missing":        "alter table logto.logs drop column id cascade",
		"a column takes no field": "alter table logto.logs add column place point",
		"the schema is missing":   "drop schema logto cascade",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			exec(t, b, sql)
			if _, err := load.Open(t.Context(), b.pool, "acme", catalog.All()); err == nil {
				t.Error("opened all the same")
			}
		})
	}
}

func TestANewColumnIsFilledByTheNextRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := item("users", "u").with(`"favouriteColour":"red"`)
	b.run(t, r)
	same(t, b, "logto.users", `{"id": "u", "extra": {"favouriteColour": "red"}}`)
	exec(t, b, "alter table logto.users add column favourite_colour text; alter table logto_history.users add column favourite_colour text")
	again := open(t, b.pool, "acme")
	again.runs, again.at = b.runs, b.at
	again.run(t, r)
	same(t, b, "logto.users", `{"id": "u", "favourite_colour": "red"}`)
}
