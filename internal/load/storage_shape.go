package load

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
)

// A listingShape is how the items of a listing are stored: what becomes of their
// fields in each of its tables, by table. Two rows can only be compared where
// their shapes agree: a column a release has added, or one with another
// privacy rule, differs though nothing changed in the tenant.
type listingShape map[string]tableShape

// tableShape says how the columns of a table are filled, and what becomes of
// the fields of an item that do not go to its extra.
type tableShape struct {
	Columns map[string]columnShape `json:"columns"`
	Fields  map[string]string      `json:"fields"`
}

// columnShape says, in words of its own, where a column takes its values from,
// and under which privacy rule; empty without one.
type columnShape struct {
	From string `json:"from"`
	Rule string `json:"rule,omitempty"`
}

// severalRules is the rule of a column to which one was applied after another:
// no reading yields what it holds.
const severalRules = "several"

// tagSize is how many bytes of a stored hash identify the shape of its row.
const tagSize = 4

// shapeTag leads the item_hash of the rows that are stored in a shape.
type shapeTag [tagSize]byte

// literal is the tag in SQL.
func (t shapeTag) literal() string { return "decode('" + hex.EncodeToString(t[:]) + "', 'hex')" }

// asHash is the hash of an item whose row has to be compared by value.
func (t shapeTag) asHash() (h ItemHash) {
	copy(h[:], t[:])
	return h
}

func (h ItemHash) shapeTag() shapeTag { return shapeTag(h[:tagSize]) }

// sum identifies the shape.
func (s listingShape) sum() [sha256.Size]byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings
	}
	return sha256.Sum256(text)
}

func (s listingShape) tag() shapeTag {
	sum := s.sum()
	return shapeTag(sum[:tagSize])
}

func (p *mapping) buildShape() listingShape {
	s := listingShape{}
	for _, t := range p.tables() {
		s[t.name] = t.buildShape()
	}
	for _, t := range p.nested {
		s[p.root.name].Fields[t.Field] = "table " + t.name
	}
	return s
}

func (t *table) buildShape() tableShape {
	s := tableShape{Columns: map[string]columnShape{}, Fields: map[string]string{}}
	for field := range t.drop {
		s.Fields[field] = "dropped"
	}
	for i, c := range t.columns {
		o := t.origins[i]
		column := columnShape{fmt.Sprintf("kind %d, source %v, masked %t", c.kind, o.Source, o.mask), o.describeRule()}
		s.Columns[c.name] = column
		if o.field != "" {
			s.Fields[o.field] += fmt.Sprintf("column %s %v;", c.name, column)
		}
	}
	if t.hasExtra {
		s.Columns[extraColumn] = columnShape{Rule: t.extraPrivacyRule()}
	}
	return s
}

// afterRedaction is the shape of rows stored in shape s once the privacy rules of
// the mapping have been applied to them.
func (s listingShape) afterRedaction(p *mapping) listingShape {
	out := listingShape{}
	for name, stored := range s {
		out[name] = tableShape{maps.Clone(stored.Columns), stored.Fields}
		for column, now := range p.described[name].Columns {
			was, ok := stored.Columns[column]
			switch {
			case !ok || now.Rule == "" || now.Rule == was.Rule:
				continue
			case was.Rule == "" || now.Rule == privacyRuleText(Rule{Drop: true}):
				was.Rule = now.Rule
			default:
				was.Rule = severalRules
			}
			out[name].Columns[column] = was
		}
	}
	return out
}

// diff returns what cannot be compared between rows of two shapes: columns,
// and members of extra.
func (s tableShape) diff(other tableShape) (columns, fields []string) {
	return differingMapKeys(s.Columns, other.Columns), differingMapKeys(s.Fields, other.Fields)
}

// differingMapKeys returns the keys at which two maps differ, sorted.
func differingMapKeys[V comparable](a, b map[string]V) (keys []string) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if x, ok := a[key]; !ok || x != b[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// RecordStorageShapes notes in which shapes this loader stores rows, unless that is
// known, so that later ones can tell what of a row they can compare. It is
// called before anything is staged.
func (l *Loader) RecordStorageShapes(ctx context.Context) error {
	known, err := l.readShapes(ctx, l.pool)
	if err != nil {
		return err
	}
	var listings []string
	var tags [][]byte
	var texts []string
	add := func(listing string, s listingShape) {
		tag := s.tag()
		if _, ok := known[listing][tag]; ok {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			panic(err) // strings
		}
		listings, tags, texts = append(listings, listing), append(tags, tag[:]), append(texts, string(text))
	}
	for _, name := range slices.Sorted(maps.Keys(l.mappings)) {
		p := l.mappings[name]
		add(name, p.described)
		for _, stored := range known[name] {
			add(name, stored.afterRedaction(p))
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return pgquery.Exec(ctx, l.pool, "record how rows are stored", render("record_shapes", nil), listings, tags, texts)
}

// readShapes returns the shapes rows have been stored in, by listing and tag.
func (l *Loader) readShapes(ctx context.Context, db pgquery.Queryer) (map[string]map[shapeTag]listingShape, error) {
	type rowShape struct {
		Listing string
		Tag     []byte
		Shape   listingShape
	}
	all, err := pgquery.Rows(ctx, db, "read how rows are stored", pgx.RowToStructByPos[rowShape], "select listing, tag, shape from syncer.row_shapes")
	shapes := map[string]map[shapeTag]listingShape{}
	for _, s := range all {
		if len(s.Tag) != tagSize {
			continue
		}
		if shapes[s.Listing] == nil {
			shapes[s.Listing] = map[shapeTag]listingShape{}
		}
		shapes[s.Listing][shapeTag(s.Tag)] = s.Shape
	}
	return shapes, err
}
