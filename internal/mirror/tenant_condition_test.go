package mirror_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	pgquery "github.com/wasilibs/go-pgquery"
)

// tablesWithoutTenant parses statements and returns the tables of logto,
// logto_history and the stage that one reads or writes without a condition of
// their own on tenant_id: equal to a parameter or a constant. That others' rows
// are found by joining them to a tenant's does not count.
func tablesWithoutTenant(t *testing.T, sql string) []string {
	t.Helper()
	text, err := pgquery.ParseToJSON(sql)
	if err != nil {
		t.Fatalf("parse %s: %v", sql, err)
	}
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	var f tenantFinder
	f.visit(tree)
	return f.without
}

type node = map[string]any

// tenantFinder walks the tree of a statement.
type tenantFinder struct{ without []string }

func (f *tenantFinder) visit(tree any) {
	switch tree := tree.(type) {
	case []any:
		for _, child := range tree {
			f.visit(child)
		}
	case node:
		for name, child := range tree {
			inner, _ := child.(node)
			switch name {
			case "SelectStmt", "larg", "rarg", "UpdateStmt", "DeleteStmt", "InsertStmt":
				f.statement(name, inner)
			}
			f.visit(child)
		}
	}
}

// statement checks the tables a statement names itself, not in what is nested.
func (f *tenantFinder) statement(kind string, statement node) {
	s := scope{tables: map[string]string{}}
	if kind == "InsertStmt" {
		if table := tableName(statement["relation"]); table != "" && !insertsTenant(statement) {
			f.without = append(f.without, table+", inserted into")
		}
		return
	}
	s.from(node{"RangeVar": statement["relation"]})
	for _, from := range list(statement["fromClause"]) {
		s.from(from)
	}
	for _, from := range list(statement["usingClause"]) {
		s.from(from)
	}
	s.condition(statement["whereClause"])
	for alias, table := range s.tables {
		if !slices.Contains(s.named, alias) && (len(s.tables) > 1 || !slices.Contains(s.named, "")) {
			f.without = append(f.without, fmt.Sprintf("%s %s", table, alias))
		}
	}
}

// scope is what the conditions of one statement are about.
type scope struct {
	tables map[string]string // by alias
	named  []string          // aliases whose tenant a condition names; "": the only table
}

func (s *scope) from(from any) {
	for kind, inner := range object(from) {
		switch kind {
		case "RangeVar":
			if table := tableName(inner); table != "" {
				alias, _ := object(object(inner)["alias"])["aliasname"].(string)
				if alias == "" {
					alias, _ = object(inner)["relname"].(string)
				}
				s.tables[alias] = table
			}
		case "JoinExpr":
			s.from(object(inner)["larg"])
			s.from(object(inner)["rarg"])
			s.condition(object(inner)["quals"])
		}
	}
}

// condition takes what must hold of every row: a comparison, or several that
// must all hold.
func (s *scope) condition(condition any) {
	both := object(object(condition)["BoolExpr"])
	if both["boolop"] == "AND_EXPR" {
		for _, one := range list(both["args"]) {
			s.condition(one)
		}
	}
	comparison := object(object(condition)["A_Expr"])
	operator, err := json.Marshal(comparison["name"])
	if comparison["kind"] != "AEXPR_OP" || err != nil || string(operator) != `[{"String":{"sval":"="}}]` {
		return
	}
	right := object(comparison["rexpr"])
	if right["ParamRef"] == nil && right["A_Const"] == nil {
		return
	}
	column := columnOf(comparison["lexpr"])
	if len(column) == 0 || column[len(column)-1] != "tenant_id" {
		return
	}
	alias := ""
	if len(column) > 1 {
		alias = column[len(column)-2]
	}
	s.named = append(s.named, alias)
}

// insertsTenant reports whether the first value inserted is a tenant.
func insertsTenant(statement node) bool {
	if columns := list(statement["cols"]); len(columns) > 0 && object(object(columns[0])["ResTarget"])["name"] != "tenant_id" {
		return false
	}
	query := object(object(statement["selectStmt"])["SelectStmt"])
	targets := list(query["targetList"])
	if len(targets) == 0 {
		return false
	}
	value := object(object(object(targets[0])["ResTarget"])["val"])
	column := columnOf(value)
	return value["ParamRef"] != nil || len(column) > 0 && column[len(column)-1] == "tenant_id"
}

// tableName returns the name of a table of the schemas whose rows have a tenant;
// empty for others.
func tableName(relation any) string {
	schema, _ := object(relation)["schemaname"].(string)
	name, _ := object(relation)["relname"].(string)
	if !slices.Contains([]string{"logto", "logto_history", "syncer_stage"}, schema) {
		return ""
	}
	return schema + "." + name
}

// columnOf returns the parts of a column's name; none for another expression.
func columnOf(expression any) (names []string) {
	for _, field := range list(object(object(expression)["ColumnRef"])["fields"]) {
		name, _ := object(object(field)["String"])["sval"].(string)
		names = append(names, name)
	}
	return names
}

func object(v any) node { o, _ := v.(node); return o }
func list(v any) []any  { l, _ := v.([]any); return l }
