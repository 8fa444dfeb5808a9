package logtotest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
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
	lastScan  atomic.Pointer[cachedScan]
	end       uint64       // of the heap of users
	ids       *rand.Rand   // for fresh ids
	base      time.Time    // the tenant's clock when it began
	began     time.Time    // and ours
	advanced  atomic.Int64 // by how much it was put forward since

	edition   *versionFeatures // of the server that answers for it: which events there are
	triggers  map[string]triggeringCall
	by        actor        // of the changes being made
	flow      flow         // what byFlow does
	lastAudit time.Time    // when the newest audit row of a flow is dated
	push      *pusher      // nil: nothing is sent
	pending   []pendingLog // of webhooks, by when their log row is due
	chance    *rand.Rand   // for ids and delays of logs
	shortest  time.Duration
	longest   time.Duration
}

// relations of users, which are kept beside the users.
const (
	usersRoles  = "users_roles"
	orgUsers    = "organization_user_relations"
	orgRoleUser = "organization_role_user_relations"
)

// relations whose changes fire events.
const (
	orgApps       = "organization_application_relations"
	orgRoleScopes = "organization_role_scope_relations"
)

func newTenant(seed uint64) *Tenant {
	t := &Tenant{
		tables: map[string]*table{}, columns: map[string]*table{}, users: newUserSet(nil),
		roleUsers: map[string]*userSet{}, members: map[string][]*member{},
		ids: rand.New(rand.NewPCG(seed, 0x10970)), began: time.Now(),
		triggers: triggers(), chance: rand.New(rand.NewPCG(seed, 0xfeed)), shortest: shortestDelivery, longest: longestDelivery,
	}
	t.edition, _ = newVersionFeatures(Newest) // which there is
	for name, columns := range schema() {
		if tab := newTable(name, columns); name == "users" || name == usersRoles || name == orgUsers || name == orgRoleUser {
			t.columns[name] = tab
		} else {
			t.tables[name] = tab
		}
	}
	return t
}

// Now is the tenant's clock, which the Date of answers shows: it starts where the
// tenant's newest row was written (a recorded tenant would be all in the past
// otherwise) and runs on from there.
func (t *Tenant) Now() time.Time {
	return t.base.Add(time.Since(t.began) + time.Duration(t.advanced.Load())).UTC()
}

// AdvanceClock puts the tenant's clock forward, or back by a negative duration.
func (t *Tenant) AdvanceClock(d time.Duration) { t.advanced.Add(int64(d)) }

// newID makes an id as Logto does; the caller holds the write lock.
func (t *Tenant) newID(n int) string { return drawID(t.ids, n) }

// drawID makes an id by chance.
func drawID(r *rand.Rand, n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
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

// withComputedStatus is the row with its status as the server reports it: what is pending
// or active and past its time has expired, without any write.
func (t *Tenant) withComputedStatus(tab *table, r *row) *row {
	var open string
	switch tab.name {
	case "organization_invitations":
		open = `"Pending"`
	case "one_time_tokens":
		open = `"active"`
	default:
		return r
	}
	i := tab.columnIndex("status")
	if r.vals[i] != open || parseMicros(tab.columnJSON(r, "expires_at")) >= t.Now().UnixMicro() {
		return r
	}
	now := &row{id: r.id, created: r.created, vals: slices.Clone(r.vals)}
	now.vals[i] = map[string]string{`"Pending"`: `"Expired"`, `"active"`: `"expired"`}[open]
	return now
}
