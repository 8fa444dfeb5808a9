package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// IsNewVersion is the condition that the stage's row, s, is another version of
// the mirror's, m: that a column differs whose change is history. Where the
// mirror's row is stored in another shape, what that alone can explain is not
// compared.
func (m tableStatement) IsNewVersion() string {
	same := m.historyColumnsDiffer(nil, nil)
	var cases []string
	for _, tag := range slices.SortedFunc(maps.Keys(m.shapes), func(a, b shapeTag) int { return slices.Compare(a[:], b[:]) }) {
		stored, ok := m.shapes[tag][m.t.name]
		if !ok {
			stored = m.now[m.t.name] // a new table has no rows in the mirror
		}
		columns, fields := stored.diff(m.now[m.t.name])
		if condition := m.historyColumnsDiffer(columns, fields); condition != same {
			cases = append(cases, fmt.Sprintf("when %s then %s", tag.literal(), condition))
		}
	}
	if cases == nil {
		return same
	}
	return fmt.Sprintf("case %s\n    %s\n    else %s end", m.mirrorTagSQL(), strings.Join(cases, "\n    "), same)
}

// mirrorTagSQL is the expression for the tag of the mirror's row; of an element, for
// that of its item.
func (m tableStatement) mirrorTagSQL() string {
	if !m.Nested {
		return fmt.Sprintf("substr(m.item_hash, 1, %d)", tagSize)
	}
	return fmt.Sprintf("(select substr(r.item_hash, 1, %d) from logto.%s r where r.tenant_id = $1 and %s)", tagSize, quote(m.root.name), m.RootMatch("m", "r"))
}

// TagSize is how many bytes of item_hash say in which shape a row is stored.
func (m tableStatement) TagSize() int { return tagSize }

// historyColumnsDiffer is the condition that m and s differ in a column whose change
// is history, those columns and members of extra left out.
func (m tableStatement) historyColumnsDiffer(columns, fields []string) string {
	var left, right []string
	for _, name := range m.dataColumns() {
		if slices.Contains(m.t.Key, name) || slices.Contains(m.t.Volatile, name) || slices.Contains(columns, name) {
			continue
		}
		a, b := m.redactedColumn(name), "s."+quote(name)
		if name == extraColumn && len(fields) > 0 {
			a, b = withoutFieldsSQL(a, fields), withoutFieldsSQL(b, fields)
		}
		left, right = append(left, a), append(right, b)
	}
	if left == nil {
		return "false"
	}
	return fmt.Sprintf("(%s) is distinct from (%s)", strings.Join(left, ", "), strings.Join(right, ", "))
}

// withoutFieldsSQL is a jsonb object without those members; null if nothing is
// left.
func withoutFieldsSQL(object string, names []string) string {
	literals := make([]string, len(names))
	for i, name := range names {
		literals[i] = "'" + strings.ReplaceAll(name, "'", "''") + "'"
	}
	return fmt.Sprintf("nullif(%s - array[%s]::text[], '{}')", object, strings.Join(literals, ", "))
}
