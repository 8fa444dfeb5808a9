package extract

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/rawjson"
)

// maxID is the longest id that is taken for one, in bytes. Logto's columns
// hold 128 characters at most.
const maxID = 1024

// decodeItems decodes the ids of a page. An element without one cannot be told from
// others; it is counted and left out, and the listing is not proved.
func (k *walk) decodeItems(ctx context.Context, p logto.Page) []Item {
	items := k.itemsWithID(p)
	if n := len(p.Items) - len(items); n > 0 {
		k.downgrade(ctx, NotProved, fmt.Sprintf("an item has no %q that could be its id", k.l.ID))
		k.addNote(ctx, "items without an id, left out", n)
	}
	return items
}

func (k *walk) itemsWithID(p logto.Page) []Item {
	items := make([]Item, 0, len(p.Items))
	for _, value := range p.Items {
		if id, ok := k.idOf(value); ok {
			items = append(items, Item{ID: id, Value: value})
		}
	}
	return items
}

func idsOf(items []Item) []string {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	return ids
}

// idOf returns the id of an item, if it has one that could be.
func (k *walk) idOf(value jsontext.Value) (id string, ok bool) {
	id, ok = rawjson.StringField(value, k.l.ID)
	return id, ok && id != "" && len(id) <= maxID && !strings.ContainsRune(id, 0)
}

// errNoMember says that an object came without the field that holds the list.
var errNoMember = errors.New("the server sent an object without the list")

// fetchListField reads a list that is a field of an object. An object without it
// is errNoMember: what is not sent is not known to be empty.
func (k *walk) fetchListField(ctx context.Context, api API, path string, query url.Values) (logto.Page, error) {
	object, err := api.Object(ctx, path, query)
	if err != nil {
		return logto.Page{}, err
	}
	page, found := logto.Page{Total: -1}, false
	err = rawjson.Members(object, func(name []byte, value jsontext.Value) error {
		if string(name) != k.l.Member {
			return nil
		}
		if found = value.Kind() == '['; !found {
			return nil
		}
		page.Items = nil // the last one counts, as in Postgres
		return rawjson.Elements(value, func(element jsontext.Value) error {
			page.Items = append(page.Items, element)
			return nil
		})
	})
	if err != nil {
		return logto.Page{}, fmt.Errorf("decode %s of %s: %w", k.l.Member, path, err)
	}
	if !found {
		return logto.Page{}, errNoMember
	}
	return page, nil
}

func knownIDs(known []Known) []string {
	ids := make([]string, len(known))
	for i, k := range known {
		ids[i] = k.ID
	}
	return ids
}

func knownHashes(known []Known) map[string]Hash {
	hashes := make(map[string]Hash, len(known))
	for _, k := range known {
		hashes[k.ID] = k.Hash
	}
	return hashes
}

// knownMissingFrom returns the known ids that are not among the items.
func knownMissingFrom(known []Known, items []Item) []string {
	have := make(map[string]bool, len(items))
	for _, item := range items {
		have[item.ID] = true
	}
	var deleted []string
	for _, k := range known {
		if !have[k.ID] {
			deleted = append(deleted, k.ID)
		}
	}
	return deleted
}
