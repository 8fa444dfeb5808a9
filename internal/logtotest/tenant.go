package logtotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Row is one row of a table of the tenant: the server's own column names
// (snake case) to values. What comes out of a Row holds what JSON has: string,
// bool, nil, json.Number, []any, map[string]any; times are RFC 3339 strings with
// microseconds. What goes into one may also be a time.Time, any number, a
// json.RawMessage, or anything encoding/json takes.
type Row map[string]any

// ErrUnknown is what a change of a row that does not exist answers, wrapped.
var ErrUnknown = errors.New("no such row")

// ErrExists is what the insertion of a row that is there already answers, wrapped.
var ErrExists = errors.New("row exists already")

// A Tenant is the state behind a Server: every table of one Logto tenant.
// All methods are safe for concurrent use, also while a Server answers from it.
type Tenant struct {
	mu        sync.RWMutex
	tables    map[string]*table    // all but users and the three relations of users
	columns   map[string]*table    // the columns of those, without rows
	users     *userSet             // everybody
	roleUsers map[string]*userSet  // by role
	members   map[string][]*member // by organization, sorted by user id
	writes    uint64               // changes of users: the heap is not the same after one
	ids       *rand.Rand           // for fresh ids
	base      time.Time            // the tenant's clock when it began
	began     time.Time            // and ours
}

// relations of users, which are kept beside the users.
const (
	usersRoles  = "users_roles"
	orgUsers    = "organization_user_relations"
	orgRoleUser = "organization_role_user_relations"
)

func newTenant(seed uint64) *Tenant {
	t := &Tenant{
		tables: map[string]*table{}, columns: map[string]*table{}, users: newUserSet(nil),
		roleUsers: map[string]*userSet{}, members: map[string][]*member{},
		ids: rand.New(rand.NewPCG(seed, 0x10970)), began: time.Now(),
	}
	for name, columns := range schema() {
		if tab := newTable(name, columns); name == "users" || name == usersRoles || name == orgUsers || name == orgRoleUser {
			t.columns[name] = tab
		} else {
			t.tables[name] = tab
		}
	}
	return t
}

// Now is the tenant's clock: it starts where the tenant's newest row was written
// (a recorded tenant would be all in the past otherwise) and runs on from there.
func (t *Tenant) Now() time.Time { return t.base.Add(time.Since(t.began)).UTC() }

// newID makes an id as Logto does; the caller holds the write lock.
func (t *Tenant) newID(n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[t.ids.IntN(len(alphabet))]
	}
	return string(b)
}

// def finds the columns of any table, nil for none.
func (t *Tenant) def(name string) *table {
	if tab := t.columns[name]; tab != nil {
		return tab
	}
	return t.tables[name]
}

// Tables names every table, sorted.
func (t *Tenant) Tables() []string { return slices.Sorted(maps.Keys(schema())) }

// Rows returns the rows of a table as they are now, in no order to rely on: the
// truth a mirror is compared with. An unknown table is nil. The surrogate id of
// users_roles, applications_roles and roles_scopes is left out: no endpoint
// shows it. The status of invitations and one-time tokens is the one the server
// computes.
func (t *Tenant) Rows(table string) []Row {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var rows []Row
	t.each(table, func(cols []column, vals []string) {
		r := make(Row, len(cols))
		for i := range cols {
			r[cols[i].name] = decode(vals[i])
		}
		rows = append(rows, r)
	})
	return rows
}

// each calls f with the raw values of every row; the caller holds the lock.
func (t *Tenant) each(name string, f func(cols []column, vals []string)) {
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
				f(def.cols, []string{u.raw(uID), quote(role)})
			}
		}
	case orgUsers:
		t.eachMember(func(m *member) { f(def.cols, []string{quote(m.org), m.user.raw(uID)}) })
	case orgRoleUser:
		t.eachMember(func(m *member) {
			for _, role := range m.roles {
				f(def.cols, []string{quote(m.org), quote(role), m.user.raw(uID)})
			}
		})
	default:
		for _, r := range def.heap {
			f(def.cols, t.computed(def, r).vals)
		}
	}
}

func (t *Tenant) eachMember(f func(*member)) {
	for _, u := range t.users.byID {
		for _, m := range u.orgs {
			f(m)
		}
	}
}

// computed is the row with its status as the server reports it: what is pending
// or active and past its time has expired, without any write.
func (t *Tenant) computed(tab *table, r *row) *row {
	var open string
	switch tab.name {
	case "organization_invitations":
		open = `"Pending"`
	case "one_time_tokens":
		open = `"active"`
	default:
		return r
	}
	i := tab.index("status")
	if r.vals[i] != open || micros(tab.raw(r, "expires_at")) >= t.Now().UnixMicro() {
		return r
	}
	now := &row{id: r.id, created: r.created, vals: slices.Clone(r.vals)}
	now.vals[i] = map[string]string{`"Pending"`: `"Expired"`, `"active"`: `"expired"`}[open]
	return now
}

// Count is len(Rows(table)), cheaply.
func (t *Tenant) Count(table string) int {
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
		t.eachMember(func(m *member) { n += len(m.roles) })
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
		t.each(table, func(cols []column, vals []string) {
			i := slices.IndexFunc(cols, func(c column) bool { return c.name == col })
			if vals[i] != "[]" && vals[i] != "{}" {
				all = appendSecrets(all, decode(vals[i]), len(keys) == 0, keys)
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

// appendSecrets walks a value and takes the strings under one of the keys.
func appendSecrets(all []string, v any, take bool, keys []string) []string {
	switch v := v.(type) {
	case string:
		if take && v != "" {
			all = append(all, v)
		}
	case []any:
		for _, e := range v {
			all = appendSecrets(all, e, take, keys)
		}
	case map[string]any:
		for k, e := range v {
			all = appendSecrets(all, e, take || slices.Contains(keys, k), keys)
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
