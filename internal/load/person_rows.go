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

// ParseStoredRules is the inverse of what Rules says of one table: the rules by
// column, and what identifies the key of its hashes, empty without hashes.
func ParseStoredRules(text string) (rules map[string]Rule, key string, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&rules); err != nil {
		return nil, "", fmt.Errorf("read the privacy rules of a table: %w", err)
	}
	return rules, strings.TrimSpace(text[d.InputOffset():]), nil
}

// A RowAboutPerson is one row that is stored of a person.
type RowAboutPerson struct {
	Schema, Table string
	Columns       []ColumnValue // in the table's order, but for tenant_id and item_hash
}

// A ColumnValue is a column of a row and its value as JSON.
type ColumnValue struct {
	Name  string
	Value jsontext.Value
}

// PersonRows calls f for all that is stored of a user, in the mirror and in
// history: what EraseUsers would erase, at one moment. An error of f ends it and is
// returned. The loader has to have been opened with all listings.
func (l *Loader) PersonRows(ctx context.Context, pool *pgxpool.Pool, people DataSubjects, f func(RowAboutPerson) error) error {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, pool, snapshot, func(tx pgx.Tx) error {
		addresses, err := l.emailAddresses(ctx, tx, people)
		if err != nil {
			return err
		}
		for _, schema := range schemas {
			for _, table := range l.personTables(schema) {
				if err := l.personRows(ctx, tx, table, people.IDs, addresses, f); err != nil {
					return fmt.Errorf("look for a person in %s.%s: %w", schema, table.name, err)
				}
			}
		}
		return nil
	})
}

// A personTable has rows of people: where says which, under the alias t. $1 is the
// tenant, $2 are the people's ids, $3 the addresses they have or had.
type personTable struct{ schema, name, where string }

func (t personTable) quoted() string { return pgx.Identifier{t.schema, t.name}.Sanitize() }

// personTables returns the tables, those of the users themselves first, the others
// by name: so the roles of invitations, which are found by these, come before them.
func (l *Loader) personTables(schema string) []personTable {
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
	var tables []personTable
	for name, conditions := range byName {
		tables = append(tables, personTable{schema, name, "t.tenant_id = $1 and (" + strings.Join(conditions, " or ") +
			") and $2::text[] is not null and $3::text[] is not null"})
	}
	slices.SortFunc(tables, func(a, b personTable) int {
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

func (l *Loader) personRows(ctx context.Context, tx pgx.Tx, table personTable, users, addresses []string, f func(RowAboutPerson) error) error {
	sql := "select to_json(t) from " + table.quoted() + " t where " + table.where + " order by t.valid_from"
	rows, _ := tx.Query(ctx, sql, l.tenant, append([]string{}, users...), addresses) // the error is that of rows, too
	var row []byte
	_, err := pgx.ForEachRow(rows, []any{&row}, func() error {
		found := RowAboutPerson{Schema: table.schema, Table: table.name}
		err := rawjson.Members(row, func(name []byte, value jsontext.Value) error {
			if column := string(name); column != tenantColumn && column != hashColumn {
				found.Columns = append(found.Columns, ColumnValue{column, value})
			}
			return nil
		})
		if err != nil {
			return err
		}
		return f(found)
	})
	return err
}
