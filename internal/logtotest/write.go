package logtotest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Insert adds a row to any table, relations included. Missing columns get the
// server's defaults (a fresh id, created_at now). It returns the id, "" for a
// table without one. A reference to a row that does not exist is ErrUnknown, a
// second row with the same id (or in a relation, the same row) is ErrExists.
//
// Insert, Update, Delete and Unlink are calls of the Management API: they leave
// the hook-log rows that those leave. SQL writes without.
func (t *Tenant) Insert(table string, row Row) (id string, err error) {
	return t.insertAs(byAPI, table, row)
}

func (t *Tenant) insertAs(by actor, table string, row Row) (id string, err error) {
	raws, err := encodeRow(row)
	if err != nil {
		return "", fmt.Errorf("insert into %s: %w", table, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.setActor(by)()
	if id, err = t.insert(table, raws); err != nil {
		return "", fmt.Errorf("insert into %s: %w", table, err)
	}
	return id, nil
}

func encodeRow(row Row) (map[string]string, error) {
	raws := make(map[string]string, len(row))
	for k, v := range row {
		raw, err := rawOf(v)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", k, err)
		}
		raws[k] = raw
	}
	return raws, nil
}

func (t *Tenant) insert(name string, raws map[string]string) (string, error) {
	def := t.def(name)
	if def == nil {
		return "", fmt.Errorf("table: %w", ErrUnknown)
	}
	vals, err := t.complete(def, raws)
	if err != nil {
		return "", err
	}
	for i, c := range def.cols {
		if c.parent != "" && vals[i] != "null" && !t.exists(c.parent, unquote(vals[i])) {
			return "", fmt.Errorf("%s %s: %w", c.name, vals[i], ErrUnknown)
		}
	}
	id, err := t.insertRow(def, vals)
	if err == nil {
		t.fireRowChange("insert", name, def.cols, vals)
	}
	return id, err
}

func (t *Tenant) insertRow(def *table, vals []string) (string, error) {
	switch def.name {
	case "users":
		return unquote(vals[0]), t.insertUserRow(def, vals)
	case usersRoles:
		return "", t.grantUserRole(unquote(vals[0]), unquote(vals[1]))
	case orgUsers:
		return "", t.join(unquote(vals[0]), unquote(vals[1]))
	case orgRoleUser:
		return "", t.grantMemberRole(unquote(vals[0]), unquote(vals[1]), unquote(vals[2]))
	}
	r := def.rowFromValues(vals)
	if def.keyed && def.rowByID(r.id) != nil {
		return "", fmt.Errorf("id %s: %w", r.id, ErrExists)
	}
	if !def.keyed && slices.ContainsFunc(def.heap, func(o *row) bool { return slices.Equal(o.vals, r.vals) }) {
		return "", ErrExists
	}
	def.insert(r)
	return r.id, nil
}

func (t *table) rowFromValues(vals []string) *row {
	r := &row{vals: vals}
	if t.keyed {
		r.id = unquote(vals[0])
	}
	if i := t.columnIndex("created_at"); i >= 0 {
		r.created = parseMicros(vals[i])
	}
	return r
}

// complete orders raw values by column and fills in what is missing.
func (t *Tenant) complete(def *table, raws map[string]string) ([]string, error) {
	vals := make([]string, len(def.cols))
	known := 0
	for i, c := range def.cols {
		raw, given := raws[c.name]
		switch {
		case given:
			known++
		case c.name == "id":
			raw = quote(t.newID(idLength(def.name)))
		case c.standard != "":
			raw = c.standard
		case c.name == "expires_at":
			raw = quoteTime(t.Now().Add(7 * 24 * time.Hour).UnixMicro())
		case strings.HasSuffix(c.name, "_at"):
			raw = quoteTime(t.Now().UnixMicro())
		case c.name == "secret":
			raw = quote("internal:" + t.newID(21))
		case c.name == "value" || c.name == "token" || c.name == "signing_key":
			raw = quote(t.newID(32))
		default:
			return nil, fmt.Errorf("column %s is missing", c.name)
		}
		vals[i] = raw
	}
	if _, surrogate := raws["id"]; surrogate && !def.keyed {
		known++
	}
	if known < len(raws) {
		for name := range raws {
			if def.columnIndex(name) < 0 && name != "id" {
				return nil, fmt.Errorf("column %s: %w", name, ErrUnknown)
			}
		}
	}
	return vals, nil
}

func idLength(table string) int {
	switch table {
	case "users", "organizations", "connectors", "sso_connectors":
		return 12
	}
	return 21
}

func (t *Tenant) exists(table, id string) bool {
	if table == "users" {
		return t.users.get(id) != nil
	}
	return t.tables[table].rowByID(id) != nil
}

// Update changes the given columns of one row and moves it in the heap, as an
// UPDATE does. A user's updated_at becomes now unless row sets it. The id cannot
// change; a created_at can, which no API call does.
func (t *Tenant) Update(table, id string, row Row) error { return t.updateAs(byAPI, table, id, row) }

func (t *Tenant) updateAs(by actor, table, id string, row Row) error {
	raws, err := encodeRow(row)
	if err != nil {
		return fmt.Errorf("update %s: %w", table, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.setActor(by)()
	if err := t.update(table, id, raws); err != nil {
		return fmt.Errorf("update %s %s: %w", table, id, err)
	}
	return nil
}

func (t *Tenant) update(name, id string, raws map[string]string) error {
	def := t.def(name)
	if def == nil || !def.keyed {
		return fmt.Errorf("table: %w", ErrUnknown)
	}
	for col := range raws {
		if def.columnIndex(col) < 0 || col == "id" {
			return fmt.Errorf("column %s: %w", col, ErrUnknown)
		}
	}
	if name == "users" {
		if err := t.updateUserRow(def, id, raws); err != nil {
			return err
		}
		switch change := classifyUserChange(raws); {
		case change == "users last_sign_in_at" && t.by == byAPI:
			t.auditAndFireSignIn(id)
		default:
			t.fireChange("update", change, map[string]string{"id": quote(id)})
		}
		return nil
	}
	was := def.rowByID(id)
	if was == nil {
		return ErrUnknown
	}
	vals := slices.Clone(was.vals)
	for col, raw := range raws {
		vals[def.columnIndex(col)] = raw
	}
	def.replace(was, def.rowFromValues(vals))
	t.fireRowChange("update", name, def.cols, vals)
	return nil
}
