package logtotest

import (
	"errors"
	"io"
)

// A Row is one row of a table of the tenant: the server's own column names
// (snake case) to values. What comes out of a Row holds what JSON has: string,
// bool, nil, json.Number, []any, map[string]any; times are RFC 3339 strings with
// microseconds. What goes into one may also be a time.Time, any number, or
// anything encoding/json takes.
type Row map[string]any

// ErrUnknown is what a change of a row that does not exist answers, wrapped.
var ErrUnknown = errors.New("no such row")

// A Tenant is the state behind a Server: every table of one Logto tenant.
// All methods are safe for concurrent use, also while a Server answers from it.
type Tenant struct{}

// Options says what Generate makes.
type Options struct {
	Users         int    // how many users; the other tables follow from it
	Organizations int    // 0: one for every hundred users, at least one
	Seed          uint64 // the same seed makes the same tenant
	Ties          bool   // half of the users come in 8 import batches that share one created_at
}

// Load reads a tenant: one JSON object, one array of rows a table. Tables and
// columns it does not know are an error, missing ones are empty.
func Load(r io.Reader) (*Tenant, error) { return &Tenant{}, nil }

// Generate makes a tenant up. It is deterministic: equal options, equal tenant.
func Generate(o Options) *Tenant { return &Tenant{} }

// Tables names every table, sorted.
func (t *Tenant) Tables() []string { return nil }

// Rows returns the rows of a table as they are now, in no order to rely on: the
// truth a mirror is compared with. An unknown table is nil. The surrogate id of
// users_roles, applications_roles and roles_scopes is left out: no endpoint
// shows it.
func (t *Tenant) Rows(table string) []Row { return nil }

// Count is len(Rows(table)), cheaply.
func (t *Tenant) Count(table string) int { return 0 }

// Secrets lists every secret value in the tenant: application secrets, personal
// access tokens, signing keys, hook headers, connector configurations, one-time
// tokens. None of them may be found in a mirror.
func (t *Tenant) Secrets() []string { return nil }

// WriteTo writes the tenant in the form Load reads.
func (t *Tenant) WriteTo(w io.Writer) (int64, error) { return 0, nil }

// Insert adds a row to any table, relations included. Missing columns get the
// server's defaults (a fresh id, created_at now). It returns the id, "" for a
// table without one. A reference to a row that does not exist is ErrUnknown.
func (t *Tenant) Insert(table string, row Row) (id string, err error) { return "", nil }

// Update changes the given columns of one row and moves it in the heap, as an
// UPDATE does. A user's updated_at becomes now unless row sets it.
func (t *Tenant) Update(table, id string, row Row) error { return nil }

// Delete removes one row of a table with an id, with everything that cascades.
func (t *Tenant) Delete(table, id string) error { return nil }

// Unlink removes from a relation table every row that has all the given column
// values (strings), with what cascades. No such row is ErrUnknown.
func (t *Tenant) Unlink(table string, key Row) error { return nil }
