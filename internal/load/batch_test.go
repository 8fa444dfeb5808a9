package load_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

const (
	replaced = "values stored with a replacement, since Postgres cannot hold them as they came"
	misfit   = "values put in extra, since the column of their name cannot hold them"
	homeless = "values left out, since they are no list and their table has no extra"
	keyless  = "elements within items left out, since they have no id that could be stored"
	unknown  = "items with a field that this version does not know: users."
	unlisted = "items whose elements are not all known, so that none is deleted"
)

// counted returns the notes that are not zero.
func counted(batches []*load.Batch) map[string]int {
	out := map[string]int{}
	for _, b := range batches {
		for what, n := range b.Notes() {
			if n > 0 {
				out[what] += n
			}
		}
	}
	return out
}

// A hostile item, what the mirror has of it, and what is noted.
type hostile struct {
	reading reading
	rows    map[string][]string // by table
	notes   map[string]int
}

func users(rows ...string) map[string][]string { return map[string][]string{"logto.users": rows} }

var hostiles = map[string]hostile{
	"a NUL in text is replaced": {
		user("u", `{"id":"u","name":"a\u0000b"}`), users(`{"id": "u", "name": "a�b"}`), map[string]int{replaced: 1},
	},
	"NULs in jsonb are replaced, in names and values": {
		user("u", `{"id":"u","customData":{"a\u0000":"b\u0000","c":"\\u0000"}}`),
		users(`{"id": "u", "custom_data": {"c": "\\u0000", "a�": "b�"}}`),
		map[string]int{replaced: 2},
	},
	"a NUL in the name of an unknown field is replaced": {
		user("u", `{"id":"u","x\u0000":1}`), users(`{"id": "u", "extra": {"x�": 1}}`), map[string]int{replaced: 1, unknown + "x�": 1},
	},
	"a NUL in the name of a member that is a key is replaced": {
		user("u", `{"id":"u","identities":{"a\u0000":{"userId":"1"}}}`),
		map[string][]string{"logto.user_identities": {`{"target": "a�", "user_id": "u", "identity_user_id": "1"}`}},
		map[string]int{replaced: 1},
	},
	"lone surrogates are replaced": {
		user("u", `{"id":"u","name":"\ud800","customData":["\udc00x"],"avatar":"\ud83d\ude00"}`),
		users(`{"id": "u", "name": "�", "avatar": "😀", "custom_data": ["�x"]}`),
		map[string]int{replaced: 2},
	},
	"invalid UTF-8 is replaced wherever it is": {
		user("u", "{\"id\":\"u\",\"name\":\"\xff\",\"customData\":{\"\xc3\":\"\xe2\x82\"},\"y\xff\":1,\"identities\":{\"g\xff\":{}}}"),
		map[string][]string{
			"logto.users":           {`{"id": "u", "name": "�", "extra": {"y�": 1}, "custom_data": {"�": "��"}}`},
			"logto.user_identities": {`{"target": "g�", "user_id": "u"}`},
		},
		map[string]int{replaced: 5, unknown + "y�": 1},
	},
	"a number beyond int64 for a bigint goes to extra": {
		item("resources", "r").with(`"accessTokenTtl":9223372036854775808`),
		map[string][]string{"logto.resources": {`{"id": "r", "extra": {"accessTokenTtl": 9223372036854775808}}`}},
		map[string]int{misfit: 1},
	},
	"the largest bigint fits": {
		item("resources", "r").with(`"accessTokenTtl":9223372036854775807`),
		map[string][]string{"logto.resources": {`{"id": "r", "access_token_ttl": 9223372036854775807}`}},
		nil,
	},
	"a number no numeric holds becomes a string": {
		user("u", `{"id":"u","customData":{"a":1e400000,"b":[-1E+400000, 1e-400000],"c":1.5e3,"true":[1,true]}}`),
		users(`{"id": "u", "custom_data": {"a": "1e400000", "b": ["-1E+400000", "1e-400000"], "c": 1500, "true": [1, true]}}`),
		map[string]int{replaced: 3},
	},
	"a number of 2,000 digits becomes a string": {
		user("u", `{"id":"u","customData":[`+strings.Repeat("9", 2000)+`]}`),
		users(`{"id": "u", "custom_data": ["` + strings.Repeat("9", 2000) + `"]}`),
		map[string]int{replaced: 1},
	},
	"many numbers in a row are not one long one": {
		user("u", `{"id":"u","customData":[1`+strings.Repeat(",1", 1100)+`]}`),
		users(`{"id": "u", "custom_data": [1` + strings.Repeat(", 1", 1100) + `]}`), nil,
	},
	"what is nested too deep becomes a string where it gets too deep": {
		user("u", `{"id":"u","customData":`+strings.Repeat("[", 502)+`"]",{"a":1}`+strings.Repeat("]", 502)+`}`),
		users(`{"id": "u", "custom_data": ` + strings.Repeat("[", 500) + `"[[\"]\",{\"a\":1}]]"` + strings.Repeat("]", 500) + `}`),
		map[string]int{replaced: 1},
	},
	"unknown fields go to extra": {
		user("u", `{"id":"u","new":{"a":[1,"x",null]},"newer":null}`), users(`{"id": "u", "extra": {"new": {"a": [1, "x", null]}}}`),
		map[string]int{unknown + "new": 1, unknown + "newer": 1},
	},
	"missing fields are null": {user("u", `{}`), users(`{"id": "u"}`), nil},
	"null everywhere is null": {
		user("u", `{"id":null,"name":null,"customData":null,"isSuspended":null,"createdAt":null,"identities":null}`),
		users(`{"id": "u"}`),
		map[string]int{unlisted: 1},
	},
	"values of another type than their columns go to extra": {
		user("u", `{"id":7,"name":5,"isSuspended":"yes","createdAt":{"a":1},"customData":"text","avatar":["x"],"hasPassword":0}`),
		users(`{"id": "u", "extra": {"id": 7, "name": 5, "avatar": ["x"], "createdAt": {"a": 1}, "hasPassword": 0, "isSuspended": "yes"}, "custom_data": "text"}`),
		map[string]int{misfit: 6},
	},
	"times no column can hold go to extra": {
		user("u", `{"id":"u","createdAt":8640000000000001,"updatedAt":1700000000000.5,"lastSignInAt":"yesterday"}`),
		users(`{"id": "u", "extra": {"createdAt": 8640000000000001, "updatedAt": 1700000000000.5, "lastSignInAt": "yesterday"}}`),
		map[string]int{misfit: 3},
	},
	"a time finer than its column goes to extra": {
		user("u", `{"id":"u","createdAt":"2024-01-02T03:04:05.000001Z"}`),
		users(`{"id": "u", "extra": {"createdAt": "2024-01-02T03:04:05.000001Z"}}`),
		map[string]int{misfit: 1},
	},
	"times come as milliseconds or as ISO strings": {
		user("u", `{"id":"u","createdAt":-62135596800000,"updatedAt":"2024-01-02T03:04:05.678Z","lastSignInAt":8640000000000000}`),
		users(`{"id": "u", "created_at": "0001-01-01T00:00:00+00:00", "updated_at": "2024-01-02T03:04:05.678+00:00", "last_sign_in_at": "275760-09-13T00:00:00+00:00"}`), nil,
	},
	"an unknown enum value is kept": {
		item("applications", "a").with(`"type":"Quantum"`),
		map[string][]string{"logto.applications": {`{"id": "a", "type": "Quantum"}`}},
		nil,
	},
	"of a repeated name the last value counts": {
		user("u", `{"id":"v","id":"u","name":"a","name":"b","x":1,"x":2,"customData":{"a":1,"a":2},"identities":{"g":{}},"identities":{"h":{},"h":{"userId":"2"}}}`),
		map[string][]string{
			"logto.users":           {`{"id": "u", "name": "b", "extra": {"x": 2}, "custom_data": {"a": 2}}`},
			"logto.user_identities": {`{"target": "h", "user_id": "u", "identity_user_id": "2"}`},
		},
		map[string]int{unknown + "x": 2},
	},
	"identities that are an array are kept in extra": {
		user("u", `{"id":"u","identities":[{"userId":"1"}]}`), users(`{"id": "u", "extra": {"identities": [{"userId": "1"}]}}`), map[string]int{misfit: 1, unlisted: 1},
	},
	"identities that are no objects are counted": {
		user("u", `{"id":"u","identities":{"a":null,"b":"x","c":{"userId":3}}}`),
		map[string][]string{"logto.user_identities": {`{"extra": {"userId": 3}, "target": "c", "user_id": "u"}`}},
		map[string]int{keyless: 2, misfit: 1, unlisted: 1},
	},
	"elements without an id are counted": {
		item("resources", "r").with(`"scopes":[{"id":"s"},{"name":"x"},{"id":5},7,null,{"id":"` + strings.Repeat("x", 600) + `"}]`),
		map[string][]string{"logto.resources": {`{"id": "r"}`}, "logto.scopes": {`{"id": "s", "resource_id": "r"}`}},
		map[string]int{keyless: 5, unlisted: 1},
	},
	"of a repeated element the last one counts": {
		item("resources", "r").with(`"scopes":[{"id":"s","name":"old"},{"id":"s","name":"new"}]`),
		map[string][]string{"logto.scopes": {`{"id": "s", "name": "new", "resource_id": "r"}`}},
		nil,
	},
	"elements that are no list are counted where there is no extra": {
		reading{"organization_users", "o", "u", `{"id":"u","organizationRoles":{"a":1}}`},
		map[string][]string{"logto.organization_users": {`{"user_id": "u", "organization_id": "o"}`}},
		map[string]int{homeless: 1, unlisted: 1},
	},
	"every kind of quote is text": {
		user(`u'"\`, `{"id":"u'\"\\","name":"'; drop table users; -- \" $$ $1 \\N \\. %s","customData":{"'\"":"\t\n\r"}}`),
		users(`{"id": "u'\"\\", "name": "'; drop table users; -- \" $$ $1 \\N \\. %s", "custom_data": {"'\"": "\t\n\r"}}`), nil,
	},
	"an id of 1024 bytes is a key": {
		user(strings.Repeat("ü", 512), `{"id":"`+strings.Repeat("ü", 512)+`"}`), users(`{"id": "` + strings.Repeat("ü", 512) + `"}`), nil,
	},
	"secrets are not stored": {
		item("applications", "a").with(`"secret":"s3cret","tenantId":"t"`), map[string][]string{"logto.applications": {`{"id": "a"}`}}, nil,
	},
	"of a webhook's URL scheme and host are kept": {
		item("hooks", "h").with(`"config":{"url":"https://me:pw@h.example/path?key=1","headers":{"x":"y"}},"signingKey":"k"`),
		map[string][]string{"logto.hooks": {`{"id": "h", "url_origin": "https://h.example"}`}},
		nil,
	},
	"a URL whose host is not text has no origin": {
		item("hooks", "h").with(`"config":{"url":"http://%ff/"}`), map[string][]string{"logto.hooks": {`{"id": "h"}`}}, nil,
	},
	"secrets in logs are blanked at any depth": {
		item("logs", "l").with(`"payload":{"a":[{"my_Password":"x","refresh-token":7,"hasPassword":true}],"Authorization":["Bearer x",{"y":"z"}],"secret":null,"b":"kept","tokens":"kept"}`),
		map[string][]string{"logto.logs": {`{"id": "l", "payload": {"a": [{"hasPassword": true, "my_Password": "******", "refresh-token": "******"}], "b": "kept", "tokens": "kept", "Authorization": ["******", {"y": "******"}]}}`}},
		nil,
	},
}

// with adds members to an item that is nothing but its id.
func (r reading) with(members string) reading {
	r.item = strings.TrimSuffix(r.item, "}") + "," + members + "}"
	return r
}

func TestWhateverTheAPISendsIsKept(t *testing.T) {
	t.Parallel()
	for name, tc := range hostiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if tc.reading.parent != "" { // what edges point at
				b.run(t, item("users", "u"), item("organizations", "o"))
			}
			batches := b.batches(t, tc.reading)
			if diff := cmp.Diff(tc.notes, counted(batches), cmpEmpty); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			b.run(t, tc.reading)
			for table, want := range tc.rows {
				if diff := cmp.Diff(want, b.rows(t, table)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", table, diff)
				}
			}
			for _, batch := range b.batches(t, tc.reading) {
				if incomplete := batch.IncompleteFields() != nil; (batch.ItemCount() != 0) != incomplete {
					t.Errorf("the next run stages the item again: %v, though it is incomplete: %v", !incomplete, incomplete)
				}
			}
			counts(t, b.run(t, tc.reading)[tc.reading.listing], load.ChangeCounts{Incomplete: b.batches(t, tc.reading)[0].IncompleteFields()})
		})
	}
}

var cmpEmpty = cmp.Transformer("empty", func(m map[string]int) string { return fmt.Sprint(m) })

func TestAnItemThatIsNoObjectIsAnErrorAndAddsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.loader.NewBatch(catalog.Find("users"))
	for name, value := range map[string]string{
		"an array": `[{"id":"u"}]`, "a string": `"u"`, "null": `null`, "half an object": `{"id":"u","identities":{"g":{}`,
	} {
		if _, err := b.loader.AddItem(batch, "", "u", jsontext.Value(value), load.ItemHash{}, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
		if batch.ItemCount() != 0 || batch.Size() != 0 {
			t.Fatalf("%s: the batch has %d items, %d bytes", name, batch.ItemCount(), batch.Size())
		}
	}
}

func TestTenMegabytesOfCustomDataAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	blob := strings.Repeat("0123456789", 1<<20)
	b.run(t, user("u", `{"id":"u","customData":{"blob":"`+blob+`","e":"\u00e9"}}`))
	got := b.texts(t, "select md5(custom_data->>'blob') || (custom_data->>'e') from logto.users")
	want := b.texts(t, "select md5($1) || 'é'", blob)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("custom data (-want +got):\n%s", diff)
	}
}

// A statement takes 65,535 parameters.
func TestABatchMayHaveMoreRowsThanAStatementParameters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 70_000
	batch := b.loader.NewBatch(catalog.Find("organization_scopes"))
	away := b.loader.NewBatch(catalog.Find("organization_scopes"))
	for i := range n {
		id := fmt.Sprintf("s%05d", i)
		if _, err := b.loader.AddItem(batch, "", id, jsontext.Value(`{"id":"`+id+`"}`), load.ItemHash{}, int64(i)); err != nil {
			t.Fatal(err)
		}
		away.Delete("", id, n+int64(i))
	}
	stage := b.stage(t)
	b.write(t, stage, []*load.Batch{batch})
	changes, err := b.publish(t, stage, load.PublishOptions{})
	if err != nil || changes["organization_scopes"].Inserted != n {
		t.Fatalf("%+v, %v", changes["organization_scopes"], err)
	}
	stage = b.stage(t)
	b.write(t, stage, []*load.Batch{away})
	changes, err = b.publish(t, stage, load.PublishOptions{})
	if err != nil || changes["organization_scopes"].Deleted != n {
		t.Fatalf("%+v, %v", changes["organization_scopes"], err)
	}
}
