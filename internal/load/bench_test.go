package load_test

import (
	"fmt"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

// page returns users as the API sends them, about 600 bytes each.
func page(first, n int) (ids []string, items []jsontext.Value) {
	for i := range n {
		id := fmt.Sprintf("user%08d", first+i)
		ids = append(ids, id)
		items = append(items, jsontext.Value(`{"id":"`+id+`","username":"name_`+id+`","primaryEmail":"`+id+`@example.com","primaryPhone":null,`+
			`"name":"Somebody Orother","avatar":"https://pictures.example.com/`+id+`.png","customData":{"plan":"pro","seats":12,"tags":["a","b"]},`+
			`"identities":{"google":{"userId":"1029384756","details":{"id":"1029384756","email":"`+id+`@example.com"}}},`+
			`"lastSignInAt":1700000000000,"createdAt":1690000000000,"updatedAt":1700000000000,`+
			`"profile":{"givenName":"Somebody","familyName":"Orother"},"applicationId":null,"isSuspended":false,"hasPassword":true}`))
	}
	return ids, items
}

func BenchmarkAdd(b *testing.B) {
	bench := setup(b)
	users := catalog.Find("users")
	ids, items := page(0, 100)
	bench.run(b, readings(ids, items)...)
	found, err := bench.loader.KnownInRange(b.Context(), users, "", "", "", 0)
	if err != nil {
		b.Fatal(err)
	}
	known := map[string]load.ItemHash{}
	for _, k := range found {
		known[k.ID] = k.Hash
	}
	for name, known := range map[string]map[string]load.ItemHash{"new": nil, "unchanged": known} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				batch := bench.loader.NewBatch(users)
				for i, item := range items {
					if _, err := bench.loader.AddItem(batch, "", ids[i], item, known[ids[i]], 1); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(items)), "ns/user")
		})
	}
}

func readings(ids []string, items []jsontext.Value) (out []reading) {
	for i, item := range items {
		out = append(out, user(ids[i], string(item)))
	}
	return out
}

// BenchmarkStage copies ten pages of new users.
func BenchmarkStage(b *testing.B) {
	bench := setup(b)
	stage := bench.stage(b)
	batch := bench.loader.NewBatch(catalog.Find("users"))
	add(b, bench, batch, 0, 1000)
	if err := stage.EnsureTables(b.Context(), []*load.Batch{batch}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		bench.write(b, stage, []*load.Batch{batch})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/user")
}

func add(b *testing.B, bench *bench, batch *load.Batch, first, n int) {
	b.Helper()
	ids, items := page(first, n)
	for i, item := range items {
		if _, err := bench.loader.AddItem(batch, "", ids[i], item, load.ItemHash{}, int64(first+i)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublish publishes 20,000 new users into an empty mirror, and rolls
// it back.
func BenchmarkPublish(b *testing.B) {
	const n = 20_000
	bench := setup(b)
	stage := bench.stage(b)
	batch := bench.loader.NewBatch(catalog.Find("users"))
	add(b, bench, batch, 0, n)
	bench.write(b, stage, []*load.Batch{batch})
	for b.Loop() {
		tx, err := bench.pool.Begin(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := stage.Publish(b.Context(), tx, catalog.All(), load.PublishOptions{At: bench.at, Proved: all()}); err != nil {
			b.Fatal(err)
		}
		if err := tx.Rollback(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/user")
}
