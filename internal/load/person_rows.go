package load

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/rawjson"
)

// ParseRules is the inverse of what Rules says of one table: the rules by
// column, and what identifies the key of its hashes, empty without hashes.
func ParseRules(text string) (rules map[string]Rule, key string, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&rules); err != nil {
		return nil, "", fmt.Errorf("read the privacy rules of a table: %w", err)
	}
	return rules, strings.TrimSpace(text[d.InputOffset():]), nil
}

// A PersonRow is one row that is stored of a person.
type PersonRow struct {
	Schema, Table string
	Columns       []PersonField // in the table's order, but for tenant_id and item_hash
}

// A PersonField is a column of a row and its value as JSON.
type PersonField struct {
	Name  string
	Value jsontext.Value
}

// PersonRows calls f for all that is stored of a user, in the mirror and in
// history: what EraseUsers would erase, at one moment. An error of f ends it and is
// returned. The loader has to have been opened with all listings.
func (l *Loader) PersonRows(ctx context.Context, pool *pgxpool.Pool, people DataSubjects, f func(PersonRow) error) error {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, pool, snapshot, func(tx pgx.Tx) error {
		addresses, err := l.emailAddresses(ctx, tx, people)
		if err != nil {
			return err
		}
		for _, schema := range schemas {
			for _, table := range l.personTables(schema) {
				if err := l.personRows(ctx, tx, schema, table, people.IDs, addresses, f); err != nil {
					return fmt.Errorf("look for a person in %s.%s: %w", schema, table.name, err)
				}
			}
		}
		return nil
	})
}

// A personFilter table has rows of people: where says which. $2 are the people's
// ids, $3 the addresses they have or had.
type personFilter struct{ name, where string }

// personTables returns the tables, those of the users themselves first.
func (l *Loader) personTables(schema string) []personFilter {
	byName := map[string][]string{"users": {"t.id = any($2)"}, "logs": {"t.payload->>'userId' = any($2)"}}
	invited := "lower(i.invitee) = any($3) or i.inviter_id = any($2) or i.accepted_user_id = any($2)"
	byName["organization_invitations"] = []string{"lower(t.invitee) = any($3)"}
	byName["organization_invitation_roles"] = []string{"t.organization_invitation_id in (select i.id from " +
		schema + ".organization_invitations i where i.tenant_id = $1 and (" + invited + "))"}
	for _, p := range l.mappings {
		for _, t := range p.tables() {
			for _, ref := range t.Refs {
				if ref.Table == "users" {
					byName[t.name] = append(byName[t.name], "t."+quote(ref.Column)+" = any($2)")
				}
			}
		}
	}
	var tables []personFilter
	for name, conditions := range byName {
		tables = append(tables, personFilter{name, "(" + strings.Join(conditions, " or ") + ")"})
	}
	slices.SortFunc(tables, func(a, b personFilter) int {
		switch "users" {
		case a.name:
			return -1
		case b.name:
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return tables
}

func (l *Loader) personRows(ctx context.Context, tx pgx.Tx, schema string, table personFilter, users, addresses []string, f func(PersonRow) error) error {
	sql := "select to_json(t) from " + pgx.Identifier{schema, table.name}.Sanitize() + " t where t.tenant_id = $1 and " + table.where +
		" and $2::text[] is not null and $3::text[] is not null order by t.valid_from"
	rows, err := tx.Query(ctx, sql, l.tenant, append([]string{}, users...), addresses)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row []byte
		if err := rows.Scan(&row); err != nil {
			return err
		}
		found := PersonRow{Schema: schema, Table: table.name}
		err := rawjson.Members(row, func(name []byte, value jsontext.Value) error {
			if column := string(name); column != tenantColumn && column != hashColumn {
				found.Columns = append(found.Columns, PersonField{column, value})
			}
			return nil
		})
		if err == nil {
			err = f(found)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}
