package logtotest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"logto-syncer/internal/logtotest"
)

// A tenantBuilder makes up a tenant about which the recorded questions can be
// asked: the rows that were shown, and as many more as were counted.
type tenantBuilder struct {
	t      *testing.T
	tables map[string][]logtotest.Row
	known  map[string]map[string]bool // ids by table
	named  map[string]bool            // ids whose sub-lists are asked for
	schema map[string][]string        // columns by table, as far as they were looked up
	added  int
}

// A subList is what a list below a parent shows: rows of a table, found by a
// relation from the parent's column to theirs.
type subList struct{ table, relation, parent, child string }

func subLists() map[string]subList {
	const jit = "organization_jit_"
	return map[string]subList{
		"roles/scopes":                       {"scopes", "roles_scopes", "role_id", "scope_id"},
		"roles/users":                        {"users", "users_roles", "role_id", "user_id"},
		"roles/applications":                 {"applications", "applications_roles", "role_id", "application_id"},
		"organizations/users":                {"users", "organization_user_relations", "organization_id", "user_id"},
		"organizations/applications":         {"applications", "organization_application_relations", "organization_id", "application_id"},
		"applications/organizations":         {"organizations", "organization_application_relations", "application_id", "organization_id"},
		"applications/roles":                 {"roles", "applications_roles", "application_id", "role_id"},
		"applications/secrets":               {"application_secrets", "", "application_id", ""},
		"resources/scopes":                   {"scopes", "", "resource_id", ""},
		"organization-roles/scopes":          {"organization_scopes", "organization_role_scope_relations", "organization_role_id", "organization_scope_id"},
		"organization-roles/resource-scopes": {"scopes", "organization_role_resource_scope_relations", "organization_role_id", "scope_id"},
		"organizations/jit/email-domains":    {jit + "email_domains", "", "organization_id", ""},
		"organizations/jit/roles":            {"organization_roles", jit + "roles", "organization_id", "organization_role_id"},
		"organizations/jit/sso-connectors":   {"sso_connectors", jit + "sso_connectors", "organization_id", "sso_connector_id"},
		"users/organizations":                {"organizations", "organization_user_relations", "user_id", "organization_id"},
		"users/personal-access-tokens":       {"personal_access_tokens", "", "user_id", ""},
		"hooks/recent-logs":                  {"logs", "", "", ""},
	}
}

// tenantBehind makes a tenant of the size and shape of the one behind the answers.
func tenantBehind(t *testing.T, answers []versionAnswer) *logtotest.Tenant {
	t.Helper()
	b := &tenantBuilder{t: t, tables: map[string][]logtotest.Row{}, known: map[string]map[string]bool{}, named: map[string]bool{}, schema: map[string][]string{}}
	b.client()
	for _, a := range answers {
		b.parents(a)
		b.shown(a)
	}
	for _, a := range answers { // top-level lists first: their rows are what relations take
		if table, sub := listOf(a); sub == nil && table != "" && a.Items != nil && !a.searches() {
			b.fill(table, sizeOf(a))
		}
	}
	for _, a := range answers {
		if _, sub := listOf(a); sub != nil && sub.table == "logs" {
			b.deliveries(a)
		} else if sub != nil && a.Items != nil && !a.searches() && a.Name != "org_users_role" {
			b.relate(*sub, idIn(a), sizeOf(a))
		}
	}
	raw, err := json.Marshal(b.tables)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := logtotest.Load(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func sizeOf(a versionAnswer) int {
	if a.Total != nil {
		return *a.Total
	}
	return *a.Items
}

// split takes /api/roles/x/users apart.
func split(a versionAnswer) []string {
	path, _, _ := strings.Cut(strings.TrimPrefix(a.path(), "/api/"), "?")
	return strings.Split(path, "/")
}

func idIn(a versionAnswer) string { return split(a)[1] }

// listOf is the table of a top-level list, or the sub-list.
func listOf(a versionAnswer) (table string, sub *subList) {
	parts := split(a)
	if len(parts) > 2 {
		if s, ok := subLists()[parts[0]+"/"+strings.Join(parts[2:], "/")]; ok {
			return s.table, &s
		}
		return "", nil
	}
	return strings.ReplaceAll(parts[0], "-", "_"), nil
}

// client is the application that asks, and what lets it in.
func (b *tenantBuilder) client() {
	b.add("resources", logtotest.Row{"id": "management-api", "name": "Logto Management API", "indicator": "https://default.logto.app/api"})
	b.add("scopes", logtotest.Row{"id": "management-api-all", "resource_id": "management-api", "name": "all", "created_at": time.Unix(0, 0)})
	b.add("applications", logtotest.Row{"id": "syncertestapp00000001", "name": "Syncer test app", "secret": "secret", "created_at": time.Unix(0, 0)})
	b.add("application_secrets", logtotest.Row{
		"application_id": "syncertestapp00000001", "name": "Default secret", "value": "secret", "created_at": time.Unix(0, 0),
	})
	b.add("roles", logtotest.Row{"id": "role-of-the-client", "name": "#internal:client", "description": "", "type": "MachineToMachine"})
	b.add("roles_scopes", logtotest.Row{"role_id": "role-of-the-client", "scope_id": "management-api-all"})
	b.add("applications_roles", logtotest.Row{"application_id": "syncertestapp00000001", "role_id": "role-of-the-client"})
}

// add adds a row, unless one with its id is there.
func (b *tenantBuilder) add(table string, row logtotest.Row) {
	if id, ok := row["id"].(string); ok {
		if b.known[table] == nil {
			b.known[table] = map[string]bool{}
		}
		if b.known[table][id] {
			return
		}
		b.known[table][id] = true
	}
	b.tables[table] = append(b.tables[table], row)
}

// parents adds the rows whose ids a question names, if the answer knew them.
func (b *tenantBuilder) parents(a versionAnswer) {
	u, err := url.Parse(a.path())
	if err != nil {
		b.t.Fatal(err)
	}
	parts := split(a)
	if len(parts) > 1 && parts[1] != "zzzzzzzzzzzz" {
		row := logtotest.Row{"id": parts[1]}
		b.named[parts[1]] = b.named[parts[1]] || len(parts) > 2
		if strings.HasSuffix(a.Name, "_of_spa") {
			row["type"] = "SPA"
		}
		b.filler(strings.ReplaceAll(parts[0], "-", "_"), row)
	}
	table, sub := listOf(a)
	for _, id := range u.Query()["search.id"] {
		if strings.HasPrefix(a.Name, "search_exact") && a.Total != nil && *a.Total > 0 {
			b.filler(table, logtotest.Row{"id": id})
			if sub != nil {
				b.link(*sub, parts[1], id)
			}
		}
	}
}

// shown adds the rows of an answer that were recorded.
func (b *tenantBuilder) shown(a versionAnswer) {
	if a.Status != 200 || len(a.FirstItems) == 0 {
		return
	}
	var items []map[string]any
	if err := json.Unmarshal(a.FirstItems, &items); err != nil {
		var one map[string]any
		if err := json.Unmarshal(a.FirstItems, &one); err != nil {
			b.t.Fatal(err)
		}
		items = append(items, one)
	}
	table, sub := listOf(a)
	switch parts := split(a); {
	case len(parts) > 2 && parts[2] == "mfa-verifications":
		b.set("users", parts[1], "mfa_verifications", factors(items, a))
		return
	case table == "" || len(parts) > 2 && sub == nil:
		return
	case len(parts) > 2 && table == "logs":
		for i := range items {
			items[i]["payload"] = logtotest.Row{"hookId": parts[1]}
		}
	}
	for _, item := range items {
		b.references(item)
		id, _ := item["id"].(string)
		if b.known[table][id] {
			b.tables[table] = slices.DeleteFunc(b.tables[table], func(r logtotest.Row) bool { return r["id"] == id })
			delete(b.known[table], id)
		}
		row := b.row(table, item)
		if id == "syncertestapp00000001" {
			row["secret"] = "secret"
		}
		if table == "application_secrets" && row["application_id"] == "syncertestapp00000001" {
			continue
		}
		if !slices.ContainsFunc(b.tables[table], func(r logtotest.Row) bool { return id == "" && text(r) == text(row) }) {
			b.filler(table, row)
		}
		if sub != nil && sub.relation != "" {
			b.link(*sub, idIn(a), id)
		}
		if a.Name == "org_users_role" {
			roles, _ := item["organizationRoles"].([]any)
			for _, r := range roles {
				role, _ := r.(map[string]any)["id"].(string)
				b.filler("organization_roles", logtotest.Row{"id": role})
				b.tables["organization_role_user_relations"] = append(b.tables["organization_role_user_relations"],
					logtotest.Row{"organization_id": idIn(a), "organization_role_id": role, "user_id": id})
			}
		}
	}
}

// factors gives the secrets back that the server took out, and the factors that
// were counted and not recorded, with the fields that were.
func factors(items []map[string]any, a versionAnswer) []map[string]any {
	for len(items) < *a.Items {
		more := map[string]any{"id": fmt.Sprint(len(items)), "type": "WebAuthn", "createdAt": "2026-01-01T00:00:00Z"}
		for _, field := range a.Fields {
			if !slices.ContainsFunc(items, func(f map[string]any) bool { return f[field] != nil }) {
				more[field] = "Mozilla/5.0"
			}
		}
		items = append(items, more)
	}
	for _, f := range items {
		if n, ok := f["remainCodes"].(float64); ok {
			f["codes"] = make([]logtotest.Row, int(n))
			for i := range f["codes"].([]logtotest.Row) {
				f["codes"].([]logtotest.Row)[i] = logtotest.Row{"code": fmt.Sprint(i)}
			}
			delete(f, "remainCodes")
		}
	}
	return items
}

func (b *tenantBuilder) set(table, id, column string, value any) {
	for _, r := range b.tables[table] {
		if r["id"] == id {
			r[column] = value
		}
	}
}

// references adds what an item points at.
func (b *tenantBuilder) references(item map[string]any) {
	for field, table := range map[string]string{
		"organizationId": "organizations", "inviterId": "users", "acceptedUserId": "users", "resourceId": "resources",
		"ssoConnectorId": "sso_connectors", "userId": "users",
	} {
		if id, ok := item[field].(string); ok {
			b.filler(table, logtotest.Row{"id": id})
		}
	}
}

func (b *tenantBuilder) columns(table string) []string {
	if b.schema[table] == nil {
		b.schema[table] = logtotest.Columns(table)
	}
	return b.schema[table]
}

// fields are the columns of a table, by the field that shows them.
func (b *tenantBuilder) fields(table string) map[string]string {
	names := map[string]string{}
	for _, c := range b.columns(table) {
		parts := strings.Split(c, "_")
		for i := 1; i < len(parts); i++ {
			parts[i] = string(unicode.ToUpper(rune(parts[i][0]))) + parts[i][1:]
		}
		names[strings.Join(parts, "")] = c
	}
	return names
}

// row is an item as a row: only what has a column.
func (b *tenantBuilder) row(table string, item map[string]any) logtotest.Row {
	row := logtotest.Row{}
	for field, column := range b.fields(table) {
		v, ok := item[field]
		if !ok {
			continue
		}
		if ms, number := v.(float64); number && strings.HasSuffix(column, "_at") {
			v = time.UnixMilli(int64(ms)).UTC()
		}
		row[column] = v
	}
	return row
}

// filler adds a row with made-up values where it says nothing.
func (b *tenantBuilder) filler(table string, row logtotest.Row) {
	b.added++
	n := fmt.Sprint(b.added)
	for column, value := range map[string]any{
		"id": fmt.Sprintf("0%011d", b.added), "name": "#" + n, "secret": "#internal:" + n, "indicator": "https://" + n + ".example",
		"provider_name": "OIDC", "connector_name": "#" + n, "connector_id": "#" + n, "config": logtotest.Row{}, "signing_key": n, "value": n, "invitee": n + "@x.example",
		"key": "RevokeToken", "language_tag": n, "template_type": "SignIn", "email": n + "@x.example", "token": n, "email_domain": n + ".example",
		"domain": n + ".example", "created_at": time.Unix(0, 0).UTC(), "updated_at": time.Unix(0, 0).UTC(), "expires_at": time.Unix(0, 0).UTC(),
	} {
		if _, set := row[column]; !set && slices.Contains(b.columns(table), column) {
			row[column] = value
		}
	}
	for column, parent := range map[string]string{"resource_id": "resources", "organization_id": "organizations", "application_id": "applications"} {
		if _, set := row[column]; !set && slices.Contains(b.columns(table), column) && table != "users" {
			row[column] = b.tables[parent][0]["id"]
		}
	}
	b.add(table, row)
}

// fill adds rows until a list has its size; internal roles are not listed.
func (b *tenantBuilder) fill(table string, size int) {
	have := 0
	for _, r := range b.tables[table] {
		name, _ := r["name"].(string)
		key, _ := r["key"].(string)
		if !strings.HasPrefix(name, "#internal:") && !strings.HasPrefix(key, "TriggerHook") {
			have++
		}
	}
	if have > size && table != "logs" {
		b.t.Fatalf("%s: %d rows are named, %d were counted", table, have, size)
	}
	row := logtotest.Row{}
	if table == "logs" { // as old as the last shown one
		row["created_at"] = b.tables["logs"][len(b.tables["logs"])-1]["created_at"]
	}
	for ; have < size; have++ {
		b.filler(table, maps.Clone(row))
	}
}

// deliveries adds log entries of a hook: of the last day, which is what is listed
// unless a start is given, or older ones.
func (b *tenantBuilder) deliveries(a versionAnswer) {
	have, newest := 0, time.Time{}
	for _, r := range b.tables["logs"] {
		if payload, _ := r["payload"].(logtotest.Row); payload["hookId"] == idIn(a) {
			have++
		}
		if at := r["created_at"].(time.Time); at.After(newest) {
			newest = at
		}
	}
	if strings.Contains(a.path(), "start_time") && a.Version == "1.42.0" {
		newest = newest.Add(-48 * time.Hour)
	} else if have > sizeOf(a) {
		have = sizeOf(a)
	}
	for ; a.Items != nil && have < sizeOf(a); have++ {
		b.filler("logs", logtotest.Row{"key": "TriggerHook.User.Created", "payload": logtotest.Row{"hookId": idIn(a)}, "created_at": newest})
	}
}

// link relates a parent with a row.
func (b *tenantBuilder) link(sub subList, parent, child string) {
	if sub.relation == "" {
		return
	}
	if b.known[sub.relation] == nil {
		b.known[sub.relation] = map[string]bool{}
	}
	pair := sub.parent + " " + parent + " " + child
	if sub.parent > sub.child { // the relation is listed from its other side too
		pair = sub.child + " " + child + " " + parent
	}
	if b.known[sub.relation][pair] {
		return
	}
	b.known[sub.relation][pair] = true
	b.tables[sub.relation] = append(b.tables[sub.relation], logtotest.Row{sub.parent: parent, sub.child: child})
}

// relate adds relations, or rows of the parent's own, until a sub-list has its size.
func (b *tenantBuilder) relate(sub subList, parent string, size int) {
	if sub.relation == "" {
		have := 0
		for _, r := range b.tables[sub.table] {
			if r[sub.parent] == parent {
				have++
			}
		}
		for ; have < size; have++ {
			b.filler(sub.table, logtotest.Row{sub.parent: parent})
		}
		return
	}
	linked := map[any]bool{}
	for _, r := range b.tables[sub.relation] {
		if r[sub.parent] == parent {
			linked[r[sub.child]] = true
		}
	}
	for _, r := range b.tables[sub.table] {
		if len(linked) >= size {
			break
		}
		name, _ := r["name"].(string)
		if sub.table == "applications" && r["type"] != nil && r["type"] != "MachineToMachine" || strings.HasPrefix(name, "#internal:") ||
			linked[r["id"]] || b.named[r["id"].(string)] {
			continue
		}
		linked[r["id"]] = true
		b.link(sub, parent, r["id"].(string))
	}
	for len(linked) < size {
		b.filler(sub.table, logtotest.Row{})
		id := b.tables[sub.table][len(b.tables[sub.table])-1]["id"]
		linked[id] = true
		b.link(sub, parent, id.(string))
	}
}
