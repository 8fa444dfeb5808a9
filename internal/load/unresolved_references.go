package load

import (
	"context"
	"fmt"
	"strings"

	"logto-syncer/internal/pgquery"
)

// UnresolvedReferences returns, by table, the ids that staged rows point at and neither
// the mirror nor the stage has. The run asks for them before it is published.
func (s *Stage) UnresolvedReferences(ctx context.Context) (map[string][]string, error) {
	byTarget := map[string][]string{} // statements that find ids, by table
	for _, plan := range s.allMappings() {
		for _, t := range plan.tables() {
			if !s.hasStaged(t.name) {
				continue
			}
			for _, ref := range t.Refs {
				if ref.Table == plan.root.name && t != plan.root {
					continue // an element and its item come together
				}
				byTarget[ref.Table] = append(byTarget[ref.Table], s.unresolvedReferenceSQL(t, ref.Column, ref.Table))
			}
		}
	}
	out := map[string][]string{}
	for target, statements := range byTarget {
		sql := strings.Join(statements, "\nunion\n")
		if s.hasStaged(target) {
			// A set operation, since nobody has told the planner how many rows are staged:
			// it would join them with a nested loop, which takes seconds at 20,000 rows.
			sql += "\nexcept\nselect t.id from " + s.stageTable(target) + " t where t.tenant_id = $1"
		}
		ids, err := pgquery.Column[string](ctx, s.pool, "look for references to "+target, sql, execMode, s.tenant)
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			out[target] = ids
		}
	}
	return out, nil
}

// unresolvedReferenceSQL returns the statement that finds what one reference points at and
// the mirror does not have.
func (s *Stage) unresolvedReferenceSQL(t *table, column, target string) string {
	return fmt.Sprintf(`select distinct s.%[1]s from %[2]s s where s.tenant_id = $1 and s.%[1]s is not null
and not exists (select from logto.%[3]s t where t.tenant_id = $1 and t.id = s.%[1]s)`,
		quote(column), s.stageTable(t.name), quote(target))
}
