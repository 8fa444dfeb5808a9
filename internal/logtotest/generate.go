package logtotest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Options says what Generate makes.
type Options struct {
	Users         int       // how many users; the other tables follow from it
	Organizations int       // 0: one for every hundred users, at least one
	Seed          uint64    // the same seed makes the same tenant
	Version       string    // of the Logto that made the tenant; "" is Newest
	Ties          bool      // half of the users come in 8 import batches that share one created_at
	Now           time.Time // when the tenant's clock starts, its last day; zero: 1 November 2026
}

// A generator makes up a tenant. Everything it draws comes from one source, in
// one order, so that equal options make equal tenants.
type generator struct {
	*Tenant
	Options
	r     *rand.Rand
	apps  []string
	roles []string // of users
	orgs  []string
	b     []byte // scratch
}

// Generate makes a tenant up: people with all the variety the API knows, and a
// few rows of every other table. It is deterministic: equal options, equal
// tenant. Its clock starts on 1 November 2026 unless Now is another moment. It
// panics where CheckVersion returns an error.
func Generate(o Options) *Tenant {
	if o.Organizations == 0 {
		o.Organizations = max(1, o.Users/100)
	}
	e, err := newVersionFeatures(o.Version)
	if err != nil {
		panic(err)
	}
	g := &generator{Tenant: newTenant(o.Seed), Options: o, r: rand.New(rand.NewPCG(o.Seed, 0x5eed))}
	g.base = o.Now
	if g.base.IsZero() {
		g.base = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	}
	g.edition, g.by = e, bySQL
	g.makeBasics(e)
	g.makeOrganizations()
	g.makeUsers()
	g.assignRoles()
	g.makeMembers()
	g.makeInvitations()
	g.makeBelongings()
	g.makeLogs()
	g.mustInsert("custom_phrases", Row{"language_tag": "de", "translation": Row{"action": Row{"sign_in": "Anmelden"}}})
	g.began, g.by = time.Now(), byAPI
	return g.Tenant
}

// mustInsert inserts a row of the generator's own making.
func (g *generator) mustInsert(table string, row Row) string {
	raws, err := encodeRow(row)
	if err != nil {
		panic(err)
	}
	id, err := g.insert(table, raws)
	if err != nil {
		panic(fmt.Sprintf("generate %s: %v", table, err))
	}
	return id
}

// bulkInsert inserts many rows at once.
func (g *generator) bulkInsert(table string, n int, make func(i int) Row) []string {
	tab := g.tables[table]
	ids := []string{}
	for i := range n {
		raws, err := encodeRow(make(i))
		if err != nil {
			panic(err)
		}
		vals, err := g.complete(tab, raws)
		if err != nil {
			panic(fmt.Sprintf("generate %s: %v", table, err))
		}
		r := tab.rowFromValues(vals)
		tab.heap = append(tab.heap, r)
		ids = append(ids, r.id)
	}
	if tab.keyed {
		tab.sorted = slices.Clone(tab.heap)
		slices.SortFunc(tab.sorted, func(a, b *row) int { return strings.Compare(a.id, b.id) })
	}
	return ids
}

// past is a moment in the two years before the tenant's clock began, newer ones
// being likelier.
func (g *generator) past() time.Time {
	days := 730 * (1 - g.r.Float64()*g.r.Float64())
	return g.base.Add(-time.Hour - time.Duration((730-days)*24*float64(time.Hour))).Truncate(time.Microsecond)
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (g *generator) makeOrganizations() {
	firsts, seconds := organizationNameParts()
	g.orgs = g.bulkInsert("organizations", g.Organizations, func(i int) Row {
		r := Row{
			"id": g.newID(12), "name": fmt.Sprintf("%s %s %d", pick(g.r, firsts), pick(g.r, seconds), i+1),
			"created_at": g.past(), "is_mfa_required": g.r.IntN(10) == 0,
		}
		if g.r.IntN(2) == 0 {
			r["description"] = fmt.Sprintf("Customer number %d", i+1)
		}
		if g.r.IntN(2) == 0 {
			r["custom_data"] = Row{"tier": pick(g.r, []string{"gold", "silver", "bronze"}), "seats": 5 * (1 + g.r.IntN(100))}
		}
		return r
	})
	orgRoles := g.tables["organization_roles"].heap
	for i, org := range g.orgs {
		if i%10 == 0 {
			g.mustInsert("organization_jit_email_domains", Row{"organization_id": org, "email_domain": fmt.Sprintf("org%d.example", i+1)})
			g.mustInsert("organization_jit_roles", Row{"organization_id": org, "organization_role_id": orgRoles[0].id})
		}
		if i%40 == 0 {
			g.mustInsert("organization_jit_sso_connectors", Row{"organization_id": org, "sso_connector_id": g.tables["sso_connectors"].heap[0].id})
		}
	}
	machine := g.tables["organization_roles"].where("type", "MachineToMachine")[0].id
	for i, app := range g.tables["applications"].where("type", "MachineToMachine") {
		for _, org := range window(g.orgs, 0, 15*(i+1)) {
			g.mustInsert("organization_application_relations", Row{"organization_id": org, "application_id": app.id})
			if g.r.IntN(2) == 0 {
				g.mustInsert("organization_role_application_relations",
					Row{"organization_id": org, "application_id": app.id, "organization_role_id": machine})
			}
		}
	}
}

func (g *generator) makeLogs() {
	keys := []string{
		"Interaction.SignIn.Submit", "Interaction.SignIn.Identifier.Password.Submit", "Interaction.End", "Interaction.Register.Submit",
		"ExchangeTokenBy.AuthorizationCode", "ExchangeTokenBy.RefreshToken", "RevokeToken",
	}
	hook := g.tables["hooks"].heap[0].id
	g.bulkInsert("logs", min(50+g.Users/2, 5000), func(i int) Row {
		at := g.base.Add(-time.Duration(g.r.Int64N(int64(90 * 24 * time.Hour)))).Truncate(time.Microsecond)
		if i%20 == 0 {
			at = g.base.Add(-time.Duration(i) * time.Second)
			return Row{"key": "TriggerHook.User.Created", "created_at": at, "payload": Row{
				"key": "TriggerHook.User.Created", "hookId": hook, "result": pick(g.r, []string{"Success", "Error"}),
				"hookRequest": Row{"body": Row{"event": "User.Created", "hookId": hook, "createdAt": at.Format(time.RFC3339)}},
			}}
		}
		key := pick(g.r, keys)
		payload := Row{
			"key": key, "result": "Success", "applicationId": pick(g.r, g.apps), "ip": fmt.Sprintf("203.0.113.%d", g.r.IntN(256)),
			"userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0", "sessionId": g.newID(21),
		}
		if all := g.users.byID; len(all) > 0 {
			payload["userId"] = pick(g.r, all).id()
		}
		return Row{"key": key, "created_at": at, "payload": payload}
	})
}
