package load

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// RuleTexts identifies the rules on every table that has some, without showing the
// key: what the next publication is to be given as StoredRules.
func (l *Loader) RuleTexts() map[string]string {
	rules := map[string]string{}
	for _, p := range l.mappings {
		for _, t := range p.tables() {
			if t.rules != "" {
				rules[t.name] = t.rules
			}
		}
	}
	return rules
}

// RulesDiffer reports whether rows stored under the rules of last, as Rules
// returned them, have to be redacted.
func (l *Loader) RulesDiffer(last map[string]string) bool {
	for _, p := range l.mappings {
		if p.rulesDiffer(last) {
			return true
		}
	}
	return false
}

func (p *mapping) rulesDiffer(last map[string]string) bool {
	return slices.ContainsFunc(p.tables(), func(t *table) bool { return t.rules != last[t.name] })
}

// redactShapes makes the shapes of rows in the mirror those they are stored in
// once they are redacted, and returns which tag becomes which.
func (p *publisher) redactShapes(plan *mapping) (retag map[shapeTag]shapeTag) {
	retag = map[shapeTag]shapeTag{}
	for tag, s := range p.shapes[plan.Name] {
		p.shapes[plan.Name][tag] = s.afterRedaction(plan)
		if now := p.shapes[plan.Name][tag].tag(); now != tag {
			retag[tag] = now
		}
	}
	return retag
}

// redact applies the rules that are not those of StoredRules to what is stored,
// in the mirror and in history. It comes after the merge, which has written
// what was read under the rules already, so that it is not written twice. The
// items whose rows it may have changed count as changed when they are read
// next.
func (p *publisher) redact(ctx context.Context) error {
	for _, plan := range p.allMappings() {
		for _, t := range plan.tables() {
			var retag map[shapeTag]shapeTag
			if t == plan.root {
				retag = p.retag[plan.Name]
			}
			for _, schema := range schemas {
				if err := p.redactTable(ctx, schema, t, retag); err != nil {
					return err
				}
				retag = nil // history has no hashes
			}
		}
	}
	return nil
}

// redactTable rewrites, at once, what the rules on a table change. retag are
// the tags of the items' hashes that become others: what is stored is no longer
// what was read.
func (p *publisher) redactTable(ctx context.Context, schema string, t *table, retag map[shapeTag]shapeTag) error {
	r := redactStatement{Table: pgx.Identifier{schema, t.name}.Sanitize()}
	if t.rules != p.StoredRules[t.name] {
		for _, name := range t.ruledColumns() {
			r.addColumn(quote(name), t.redactedSQL(name, "m."+quote(name)))
		}
	}
	if len(retag) > 0 {
		r.addColumn(quote(hashColumn), retaggedHashSQL("m."+quote(hashColumn), retag))
	}
	if len(r.Set) == 0 {
		return nil
	}
	inner, outer := hmacPads(p.privacy.Key)
	if _, err := p.exec(ctx, render("redact", r), inner, outer); err != nil {
		return fmt.Errorf("apply the privacy rules on %s.%s: %w", schema, t.name, err)
	}
	return nil
}

// A redactStatement is what the statement that applies rules says of a table.
type redactStatement struct {
	Table        string
	Set, Differs []string
}

func (r *redactStatement) addColumn(column, value string) {
	r.Set = append(r.Set, column+" = "+value)
	r.Differs = append(r.Differs, "m."+column+" is distinct from "+value)
}

// retaggedHashSQL is a hash, that of an item whose row is redacted reduced to its new
// tag.
func retaggedHashSQL(hash string, retag map[shapeTag]shapeTag) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "case substr(%s, 1, %d)", hash, tagSize)
	for _, tag := range slices.SortedFunc(maps.Keys(retag), func(a, b shapeTag) int { return slices.Compare(a[:], b[:]) }) {
		fmt.Fprintf(&sql, " when %s then %s", tag.literal(), retag[tag].literal())
	}
	return sql.String() + " else " + hash + " end"
}

// ruledColumns returns the columns with a rule.
func (t *table) ruledColumns() (names []string) {
	for i, c := range t.columns {
		if t.origins[i].describeRule() != "" {
			names = append(names, c.name)
		}
	}
	if t.dropExtra {
		names = append(names, extraColumn)
	}
	return names
}

// redactedSQL is what the rules leave of a stored value of a column, in SQL that
// comes to the same as appendPrivate. The pads of hashes are those of alias k. A
// text's bytes are read by decode and not by convert_to, which is not immutable:
// Citus has no others in an update.
func (t *table) redactedSQL(name, value string) string {
	if name == extraColumn && t.dropExtra {
		return "null::jsonb"
	}
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return value
	}
	switch o := t.origins[i]; {
	case o.rule.Drop:
		return "null"
	case o.rule.Hash:
		return fmt.Sprintf(`case when %[1]s ~ '^%[2]s[0-9a-f]{64}$' then %[1]s
else '%[2]s' || encode(sha256(k.outer_pad || sha256(k.inner_pad || decode(replace(%[1]s, '\', '\\'), 'escape'))), 'hex') end`, value, hashPrefix)
	case o.rule.Keep != nil:
		return fmt.Sprintf("case when %s is not null then %s end", value, keptPathsSQL(value, parsePaths(o.rule.Keep)))
	}
	return value
}

// hmacPads returns the two blocks of RFC 2104 that make a keyed hash of plain ones.
func hmacPads(key []byte) (inner, outer []byte) {
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	inner, outer = make([]byte, sha256.BlockSize), make([]byte, sha256.BlockSize)
	copy(inner, key)
	copy(outer, key)
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	return inner, outer
}

// keptPathsSQL is keep as an expression.
func keptPathsSQL(value string, tree pathTree) string {
	if len(tree) == 0 {
		return value
	}
	var names, cases []string
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		literal := "'" + strings.ReplaceAll(name, "'", "''") + "'"
		names = append(names, literal)
		if len(tree[name]) > 0 {
			cases = append(cases, "when "+literal+" then "+keptPathsSQL("e.value", tree[name]))
		}
	}
	kept := "e.value"
	if len(cases) > 0 {
		kept = "case e.key " + strings.Join(cases, " ") + " else e.value end"
	}
	return fmt.Sprintf(`coalesce((select jsonb_object_agg(e.key, %s) from jsonb_each(case jsonb_typeof(%s) when 'object' then %s else '{}' end) e where e.key in (%s)), '{}')`,
		kept, value, value, strings.Join(names, ", "))
}
