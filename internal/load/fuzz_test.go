package load_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

// FuzzAdd holds that an item that is encoded can be copied and published
// whatever is in it, that it has one hash whenever it is read, and that Add
// leaves nothing of an item it refuses. Everything is rolled back.
func FuzzAdd(f *testing.F) {
	for _, tc := range hostiles {
		if len(tc.reading.item) < 2000 {
			f.Add(tc.reading.listing, []byte(tc.reading.item))
		}
	}
	for _, r := range edges() {
		f.Add(r.listing, []byte(r.item))
	}
	b := setup(f)
	stage, err := b.loader.OpenStage(f.Context(), 1)
	if err != nil {
		f.Fatal(err)
	}
	b.run(f, item("users", "u"), item("organizations", "p"), item("roles", "p"), item("applications", "p"))
	f.Fuzz(func(t *testing.T, listing string, value []byte) {
		l := catalog.Find(listing)
		if l == nil {
			t.Skip("no such listing")
		}
		if !jsontext.Value(value).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
			t.Skip("no JSON, of which a page has none")
		}
		batch := b.loader.NewBatch(l)
		item := jsontext.Value(strings.Clone(string(value)))
		if changed, err := b.loader.AddItem(batch, "p", "u", item, load.ItemHash{}, 1); err != nil || !changed {
			if err == nil || batch.ItemCount() != 0 || batch.Size() != 0 {
				t.Fatalf("changed: %v, error: %v, %d items, %d bytes", changed, err, batch.ItemCount(), batch.Size())
			}
			return
		}
		if string(item) != string(value) {
			t.Fatal("the item was written to")
		}
		if err := stage.EnsureTables(t.Context(), []*load.Batch{batch}); err != nil {
			t.Fatal(err)
		}
		hash := publishAndLookUp(t, b, stage, batch, l)
		if hash == (load.ItemHash{}) { // it points at something that is not there
			return
		}
		incomplete := batch.IncompleteFields() != nil // such an item is always staged
		if changed, err := b.loader.AddItem(b.loader.NewBatch(l), "p", "u", item, hash, 2); changed != incomplete || err != nil {
			t.Fatalf("read again: changed %v, incomplete %v, error %v", changed, incomplete, err)
		}
	})
}

// publishAndLookUp copies and publishes a batch and returns the hash the
// mirror has then, within a transaction that is rolled back.
func publishAndLookUp(t *testing.T, b *bench, stage *load.Stage, batch *load.Batch, l *catalog.Listing) (hash load.ItemHash) {
	t.Helper()
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if err := stage.Write(t.Context(), tx, []*load.Batch{batch}); err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Publish(t.Context(), tx, []*catalog.Listing{l}, load.PublishOptions{At: b.at.AddDate(1, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	sql := "select item_hash from logto." + l.Name + " where valid_from > $1 and length(item_hash) = 16"
	rows, err := tx.Query(t.Context(), sql, b.at)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(found) > 1 {
		t.Fatalf("%d rows, %v", len(found), err)
	}
	for _, bytes := range found {
		copy(hash[:], bytes)
	}
	return hash
}
