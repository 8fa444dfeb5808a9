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

// Rules identifies the rules on every table that has some, without showing the
// key: what Redact is to be given the next time.
func (l *Loader) Rules() map[string]string {
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

// Redact applies the loader's rules to what is stored already, in the mirror
// and in history, within the caller's transaction, and reports whether they
// are others than last time. The items whose rows it may have changed count as
// changed when they are read next.
func (l *Loader) Redact(ctx context.Context, tx pgx.Tx, last map[string]string) (changed bool, err error) {
	shapes, err := l.readShapes(ctx, tx)
	if err != nil {
		return false, err
	}
	for name, p := range l.mappings {
		redacted := false
		for _, t := range p.tables() {
			if t.rules == last[t.name] {
				continue
			}
			redacted = true
			if err := l.redactTable(ctx, tx, t); err != nil {
				return false, err
			}
		}
		if redacted {
			changed = true
			if err := l.retag(ctx, tx, p, shapes[name]); err != nil {
				return false, err
			}
		}
	}
	return changed, nil
}

// retag notes in the items' hashes that their rows have been redacted: what
// is stored is no longer what was read.
func (l *Loader) retag(ctx context.Context, tx pgx.Tx, p *mapping, shapes map[shapeTag]shape) error {
	var from, to [][]byte
	for tag, s := range shapes {
		if now := s.redacted(p).tag(); now != tag {
			from, to = append(from, tag[:]), append(to, now[:])
		}
	}
	if len(from) == 0 {
		return nil
	}
	sql := fmt.Sprintf(`update %s m set item_hash = n.new
from unnest($2::bytea[], $3::bytea[]) as n (old, new)
where m.tenant_id = $1 and substr(m.item_hash, 1, %d) = n.old`, mirrorTable(p.Listing), tagSize)
	if _, err := tx.Exec(ctx, sql, execMode, l.tenant, from, to); err != nil {
		return fmt.Errorf("note the privacy rules of %s: %w", p.Name, err)
	}
	return nil
}

func (l *Loader) redactTable(ctx context.Context, tx pgx.Tx, t *table) error {
	for _, schema := range schemas {
		for i, c := range t.columns {
			expr, args := redactExpr(quote(c.name), t.origins[i], 2)
			if err := l.redact(ctx, tx, schema, t.name, c.name, expr, args); err != nil {
				return err
			}
		}
		if t.dropExtra {
			if err := l.redact(ctx, tx, schema, t.name, extraColumn, "null", nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Loader) redact(ctx context.Context, tx pgx.Tx, schema, table, column, expr string, args []any) error {
	if expr == "" {
		return nil
	}
	name := quote(column)
	sql := fmt.Sprintf("update %s set %s = %s where tenant_id = $1 and %s is not null and %s is distinct from %s",
		pgx.Identifier{schema, table}.Sanitize(), name, expr, name, name, expr)
	if _, err := tx.Exec(ctx, sql, append([]any{execMode, l.tenant}, args...)...); err != nil {
		return fmt.Errorf("apply the privacy rule on %s.%s.%s: %w", schema, table, column, err)
	}
	return nil
}

// redactExpr returns what a rule makes of a stored column, in SQL that comes to
// the same as appendPrivate; empty without a rule. Its first parameter is $n.
func redactExpr(column string, o origin, n int) (expr string, args []any) {
	switch {
	case o.rule.Drop:
		return "null", nil
	case o.rule.Hash:
		inner, outer := hmacPads(o.hashKey)
		return fmt.Sprintf(`case when %[1]s ~ '^%[2]s[0-9a-f]{64}$' then %[1]s
else '%[2]s' || encode(sha256($%[4]d::bytea || sha256($%[3]d::bytea || convert_to(%[1]s, 'UTF8'))), 'hex') end`,
			column, hashPrefix, n, n+1), []any{inner, outer}
	case o.rule.Keep != nil:
		return pathsSQL(column, parsePaths(o.rule.Keep)), nil
	}
	return "", nil
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

// pathsSQL is keep as an expression.
func pathsSQL(value string, tree pathTree) string {
	if len(tree) == 0 {
		return value
	}
	var names, cases []string
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		literal := "'" + strings.ReplaceAll(name, "'", "''") + "'"
		names = append(names, literal)
		if len(tree[name]) > 0 {
			cases = append(cases, "when "+literal+" then "+pathsSQL("e.value", tree[name]))
		}
	}
	kept := "e.value"
	if len(cases) > 0 {
		kept = "case e.key " + strings.Join(cases, " ") + " else e.value end"
	}
	return fmt.Sprintf(`coalesce((select jsonb_object_agg(e.key, %s) from jsonb_each(case jsonb_typeof(%s) when 'object' then %s else '{}' end) e where e.key in (%s)), '{}')`,
		kept, value, value, strings.Join(names, ", "))
}
