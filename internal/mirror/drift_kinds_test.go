package mirror_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"logto-syncer/internal/logtotest"
)

// change makes one change and says what it did. Who has left comes back more
// often than in a tenant by chance: relations have no ids of their own, and one
// that is made again looks like one that was never gone.
func (d *drift) change() string {
	tenant := d.server.Tenant
	tenant.AdvanceClock(2 * time.Millisecond) // a sign-up logs several entries of one moment: two would fill a page
	if len(d.left) > 0 && d.changes.IntN(3) == 0 {
		i := d.changes.IntN(len(d.left))
		left := d.left[i]
		d.left = append(d.left[:i], d.left[i+1:]...)
		if what := left.comeBack(tenant); what != "" {
			return what
		}
	}
	what := tenant.MakeRandomChange(d.changes)
	var left relation
	if n, _ := fmt.Sscanf(what, "take role %s from user %s", &left.parent, &left.user); n == 2 {
		left.role = true
		d.left = append(d.left, left)
	}
	if n, _ := fmt.Sscanf(what, "remove member %s of organization %s", &left.user, &left.parent); n == 2 {
		left.role = false
		d.left = append(d.left, left)
	}
	return what
}

// relation is that of a user with a role, or with an organization.
type relation struct {
	parent, user string
	role         bool
}

// comeBack makes a relation again and says so in the words of Churn; empty if
// one of the two is gone.
func (r relation) comeBack(tenant *logtotest.Tenant) string {
	if r.role {
		if tenant.AssignRole(r.user, r.parent) == nil {
			return "assign role " + r.parent + " to user " + r.user
		}
		return ""
	}
	if tenant.AddMember(r.parent, r.user) == nil {
		return "add member " + r.user + " of organization " + r.parent
	}
	return ""
}

// trade takes a role from one of its holders and gives it to somebody else,
// often, and for a role with many holders: who has it no more comes back between
// the count and the look-up of the next run, and stands in for the new one.
func (d *drift) trade() {
	d.traded = nil
	if d.draw("trade", 2) == 0 {
		return
	}
	held := map[string][]string{}
	for _, row := range d.server.Tenant.Rows("users_roles") {
		role := row["role_id"].(string)
		held[role] = append(held[role], row["user_id"].(string))
	}
	for _, role := range slices.Sorted(maps.Keys(held)) {
		holders := held[role]
		if len(holders) < 2*d.runner.PageSize {
			continue
		}
		for _, user := range d.server.Tenant.IDs("users") {
			if slices.Contains(holders, user) {
				continue
			}
			left := relation{parent: role, user: holders[0], role: true}
			if d.server.Tenant.UnassignRole(left.user, role) == nil && d.server.Tenant.AssignRole(user, role) == nil {
				d.log = append(d.log, "(before: take role "+role+" from user "+left.user+", give it to user "+user+")")
				d.traded = &left
			}
			return
		}
	}
}

// endTrade lets who was taken a role from come back.
func (d *drift) endTrade(r *http.Request) {
	if t := d.traded; t != nil && r.URL.Path == "/api/roles/"+t.parent+"/users" && r.URL.Query().Has("search.id") {
		d.traded = nil
		d.log = append(d.log, t.comeBack(d.server.Tenant))
	}
}

// meddler is a proxy between the client and the server that drops what it
// should not, for some of the requests of a run.
type meddler struct {
	next  http.Handler
	rules atomic.Pointer[meddling] // nil: all goes through as it is
	n     atomic.Int64             // requests since the rules were made
}

type meddling struct {
	from, to int64  // requests it meddles with
	field    string // is taken out of every item
	headers  bool   // Total-Number and Link are dropped
	gone     bool   // it answers 404 instead
}

// meddle draws what goes wrong in a run.
func (d *drift) meddle() (end func()) {
	if d.draw("meddled", 4) > 0 {
		return func() {}
	}
	m := &meddling{from: int64(d.draw("meddled from", 60))}
	m.to = m.from + int64(1+d.draw("meddled for", 60))
	switch kind := d.draw("meddling", 6); kind {
	case 0:
		m.headers = true
	case 1:
		m.gone, m.to = true, m.from+int64(1+d.draw("gone for", 12))
	default:
		m.field = []string{"scopes", "resourceScopes", "organizationRoles", "identities"}[kind-2]
	}
	d.log = append(d.log, fmt.Sprintf("(from request %d to %d: without %q, without headers: %t, 404: %t)", m.from, m.to, m.field, m.headers, m.gone))
	d.n.Store(0)
	d.rules.Store(m)
	return func() { d.rules.Store(nil) }
}

func (m *meddler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rules := m.rules.Load()
	if rules == nil || !strings.HasPrefix(r.URL.Path, "/api/") {
		m.next.ServeHTTP(w, r)
		return
	}
	if n := m.n.Add(1); n <= rules.from || n > rules.to {
		m.next.ServeHTTP(w, r)
		return
	}
	if rules.gone {
		http.Error(w, "Not Found", http.StatusNotFound) // in plain text
		return
	}
	answer := httptest.NewRecorder()
	m.next.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if rules.field != "" {
		body = without(body, rules.field)
	}
	for name, values := range answer.Header() {
		if !rules.headers || name != "Total-Number" && name != "Link" {
			w.Header()[name] = values
		}
	}
	if w.Header().Get("Content-Length") == strconv.Itoa(answer.Body.Len()) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// without takes a field out of the objects of an array; anything else it
// returns as it is.
func without(body []byte, field string) []byte {
	var items []map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader(body)).Decode(&items) != nil {
		return body
	}
	for _, item := range items {
		delete(item, field)
	}
	less, err := json.Marshal(items)
	if err != nil {
		return body
	}
	return less
}
