package load_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func migrated(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

// reading is what a run learned of one item: how it looks, or that it is gone.
type reading struct {
	listing, parent, id string
	item                string // empty: gone
}

func user(id, item string) reading           { return reading{"users", "", id, item} }
func gone(listing, id string) reading        { return reading{listing, "", id, ""} }
func below(parent string, r reading) reading { r.parent = parent; return r }

// item is a reading of an item that is nothing but its id.
func item(listing, id string) reading {
	return reading{listing, "", id, `{"id":"` + id + `"}`}
}

// without marks a reading as to be taken as it is: without the lists within an
// item that Logto always sends.
const without = " "

// asSent is the item with the lists within it that Logto always sends.
func (r reading) asSent() jsontext.Value {
	text := r.item
	for _, t := range catalog.Find(r.listing).Nested {
		empty := `[]`
		for _, source := range t.From {
			if source.IsMemberName() {
				empty = `{}`
			}
		}
		if !strings.Contains(text, `"`+t.Field+`"`) && !strings.HasSuffix(text, without) {
			text = strings.TrimSuffix(text, "}") + `,"` + t.Field + `":` + empty + "}"
		}
	}
	return jsontext.Value(text)
}

// bench is a migrated database and a loader of one tenant.
type bench struct {
	pool   *pgxpool.Pool
	tenant string
	loader *load.Loader
	runs   int64
	at     time.Time         // of the last publication
	rules  map[string]string // of the last publication
}

func setup(t testing.TB) *bench {
	t.Helper()
	return open(t, pgtest.NewPool(t, migrated), "acme")
}

func open(t testing.TB, pool *pgxpool.Pool, tenant string) *bench {
	t.Helper()
	loader, err := load.Open(t.Context(), pool, tenant, catalog.All())
	if err != nil {
		t.Fatal(err)
	}
	if err := loader.RecordStorageShapes(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &bench{pool: pool, tenant: tenant, loader: loader, at: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// all proves every listing.
func all() map[string]bool {
	proved := map[string]bool{}
	for _, name := range catalog.Names() {
		proved[name] = true
	}
	return proved
}

// batches encodes readings as a run does: compared with what the mirror has,
// one batch a listing, in the order of the readings.
func (b *bench) batches(t testing.TB, readings ...reading) []*load.Batch {
	t.Helper()
	byListing := map[string]*load.Batch{}
	var out []*load.Batch
	for i, r := range readings {
		l := catalog.Find(r.listing)
		batch := byListing[r.listing]
		if batch == nil {
			batch = b.loader.NewBatch(l)
			byListing[r.listing] = batch
			out = append(out, batch)
		}
		seq := int64(i + 1)
		if r.item == "" {
			batch.Delete(r.parent, r.id, seq)
			continue
		}
		known, err := b.loader.KnownByID(t.Context(), l, r.parent, []string{r.id})
		if err != nil {
			t.Fatal(err)
		}
		var hash load.ItemHash
		if len(known) > 0 {
			hash = known[0].Hash
		}
		if _, err := b.loader.AddItem(batch, r.parent, r.id, r.asSent(), hash, seq); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// stage opens the stage of the next run and puts readings into it.
func (b *bench) stage(t testing.TB, readings ...reading) *load.Stage {
	t.Helper()
	b.runs++
	stage, err := b.loader.OpenStage(t.Context(), b.runs)
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, stage, b.batches(t, readings...))
	return stage
}

func (b *bench) write(t testing.TB, stage *load.Stage, batches []*load.Batch) {
	t.Helper()
	if err := stage.EnsureTables(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return stage.Write(t.Context(), tx, batches) })
	if err != nil {
		t.Fatal(err)
	}
}

// publish publishes a stage and drops it. A zero time becomes the next second.
func (b *bench) publish(t testing.TB, stage *load.Stage, how load.PublishOptions) (map[string]*load.ChangeCounts, error) {
	t.Helper()
	b.at = b.at.Add(time.Second)
	how.At, how.StoredRules = b.at, b.rules
	if how.Proved == nil {
		how.Proved = all()
	}
	var changes map[string]*load.ChangeCounts
	err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) (err error) {
		if changes, err = stage.Publish(t.Context(), tx, catalog.All(), how); err != nil {
			return err
		}
		return load.DropStage(t.Context(), tx, b.tenant, b.runs)
	})
	if err == nil {
		b.rules = b.loader.RuleTexts()
	}
	return changes, err
}

// run stages readings and publishes them, everything proved.
func (b *bench) run(t testing.TB, readings ...reading) map[string]*load.ChangeCounts {
	t.Helper()
	changes, err := b.publish(t, b.stage(t, readings...), load.PublishOptions{})
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return changes
}

// texts returns the only column of a query as text.
func (b *bench) texts(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// rows returns the rows of a table as JSON, without nulls and the loader's own
// columns.
func (b *bench) rows(t testing.TB, table string) []string {
	t.Helper()
	return b.texts(t, `select (jsonb_strip_nulls(to_jsonb(r)) - '{tenant_id,item_hash,valid_from}'::text[])::text
from `+table+` r where tenant_id = 'acme' order by 1`)
}
