package logtotest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// This file tells what is in a tenant, for tests to compare with.

// Tables names every table, sorted.
func (t *Tenant) Tables() []string { return slices.Sorted(maps.Keys(schema())) }

// Columns names the columns of a table, nil for an unknown one.
func Columns(table string) []string {
	var names []string
	for _, c := range parseColumns(schema()[table]) {
		names = append(names, c.name)
	}
	return names
}

// Rows returns the rows of a table as they are now, in no order to rely on: the
// truth a mirror is compared with. An unknown table is nil. The surrogate id of
// users_roles, applications_roles and roles_scopes is left out: no endpoint
// shows it. The status of invitations and one-time tokens is the one the server
// computes.
func (t *Tenant) Rows(table string) []Row {
	t.flushDueLogs()
	t.mu.RLock()
	defer t.mu.RUnlock()
	var rows []Row
	t.eachRow(table, func(cols []column, vals []string) {
		r := make(Row, len(cols))
		for i := range cols {
			r[cols[i].name] = decodeRawJSON(vals[i])
		}
		rows = append(rows, r)
	})
	return rows
}

// IDs returns the ids of the rows of a table that has them, in no order to rely
// on, for a small part of what Rows takes.
func (t *Tenant) IDs(table string) []string {
	t.flushDueLogs()
	t.mu.RLock()
	defer t.mu.RUnlock()
	var ids []string
	t.eachRow(table, func(cols []column, vals []string) {
		at := slices.IndexFunc(cols, func(c column) bool { return c.name == "id" })
		if id, ok := decodeRawJSON(vals[at]).(string); ok {
			ids = append(ids, id)
		}
	})
	return ids
}

// eachRow calls f with the raw values of every row; the caller holds the lock.
func (t *Tenant) eachRow(name string, f func(cols []column, vals []string)) {
	def := t.def(name)
	if def == nil {
		return
	}
	switch name {
	case "users":
		for _, u := range t.users.byID {
			f(def.cols, u.values(def.cols))
		}
	case usersRoles:
		for _, u := range t.users.byID {
			for _, role := range u.roles {
				f(def.cols, []string{u.rawColumn(uID), quote(role)})
			}
		}
	case orgUsers:
		t.eachMembership(func(m *member) { f(def.cols, []string{quote(m.org), m.user.rawColumn(uID)}) })
	case orgRoleUser:
		t.eachMembership(func(m *member) {
			for _, role := range m.roles {
				f(def.cols, []string{quote(m.org), quote(role), m.user.rawColumn(uID)})
			}
		})
	default:
		for _, r := range def.heap {
			f(def.cols, t.withComputedStatus(def, r).vals)
		}
	}
}

func (t *Tenant) eachMembership(f func(*member)) {
	for _, u := range t.users.byID {
		for _, m := range u.orgs {
			f(m)
		}
	}
}

// Count is len(Rows(table)), cheaply.
func (t *Tenant) Count(table string) int {
	t.flushDueLogs()
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := 0
	switch tab := t.tables[table]; {
	case tab != nil:
		return len(tab.heap)
	case table == "users":
		return t.users.len()
	case table == usersRoles:
		for _, s := range t.roleUsers {
			n += s.len()
		}
	case table == orgUsers:
		for _, m := range t.members {
			n += len(m)
		}
	case table == orgRoleUser:
		t.eachMembership(func(m *member) { n += len(m.roles) })
	}
	return n
}

// Secrets lists every secret value in the tenant: application secrets, personal
// access tokens, TOTP keys, signing keys, hook headers, connector configurations,
// one-time tokens. None of them may be found in a mirror.
func (t *Tenant) Secrets() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var all []string
	collect := func(table, col string, keys ...string) {
		t.eachRow(table, func(cols []column, vals []string) {
			i := slices.IndexFunc(cols, func(c column) bool { return c.name == col })
			if vals[i] != "[]" && vals[i] != "{}" {
				all = collectSecrets(all, decodeRawJSON(vals[i]), len(keys) == 0, keys)
			}
		})
	}
	collect("applications", "secret")
	collect("application_secrets", "value")
	collect("personal_access_tokens", "value")
	collect("hooks", "signing_key")
	collect("hooks", "config", "headers")
	collect("one_time_tokens", "token")
	sensitive := []string{"clientSecret", "pass", "password", "apiKey", "authToken", "accessKeySecret", "privateKey", "metadata"}
	collect("connectors", "config", sensitive...)
	collect("sso_connectors", "config", sensitive...)
	collect("users", "mfa_verifications", "key", "codes", "code")
	slices.Sort(all)
	return slices.Compact(all)
}

// collectSecrets walks a value and takes the strings under one of the keys.
func collectSecrets(all []string, v any, take bool, keys []string) []string {
	switch v := v.(type) {
	case string:
		if take && v != "" {
			all = append(all, v)
		}
	case []any:
		for _, e := range v {
			all = collectSecrets(all, e, take, keys)
		}
	case map[string]any:
		for k, e := range v {
			all = collectSecrets(all, e, take || slices.Contains(keys, k), keys)
		}
	}
	return all
}

// WriteTo writes the tenant in the form Load reads.
func (t *Tenant) WriteTo(w io.Writer) (int64, error) {
	var n int64
	emit := func(format string, args ...any) error {
		m, err := fmt.Fprintf(w, format, args...)
		n += int64(m)
		return err
	}
	sep := "{"
	for _, name := range t.Tables() {
		if err := emit("%s\n%s: [", sep, quote(name)); err != nil {
			return n, err
		}
		sep = ","
		rows := t.Rows(name)
		for i, r := range rows {
			raw, err := json.Marshal(r)
			if err != nil {
				return n, fmt.Errorf("encode a row of %s: %w", name, err)
			}
			if err := emit("%s\n%s", strings.Repeat(",", min(i, 1)), raw); err != nil {
				return n, err
			}
		}
		if err := emit("]"); err != nil {
			return n, err
		}
	}
	return n, emit("}\n")
}
