package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// forgetCmd is syncer forget.
type forgetCmd struct {
	People []string `arg:"" name:"person" help:"The people to erase, each by id, e-mail address, phone number, username or an identity elsewhere."`
	Tenant string   `placeholder:"NAME" help:"The tenant they are in; needed if the mirror has them in several."`
	Yes    bool     `help:"Do not ask."`
}

// A forgottenLine says what was erased, in JSON.
type forgottenLine struct {
	Type   string           `json:"type"` // "forgotten"
	Tenant string           `json:"tenant"`
	Users  int              `json:"users"` // people that were named
	IDs    []string         `json:"user_ids"`
	Rows   map[string]int64 `json:"rows"` // erased, by table
}

// Run is called by kong.
func (c *forgetCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, db, err := a.openReadable(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	people, err := findPeople(ctx, db, cfg, c.Tenant, c.People)
	if err != nil {
		return cmp.Or(c.checkNoRun(ctx, db), err)
	}
	tenant := people[0].Tenant
	if i := slices.IndexFunc(people, func(p personArgument) bool { return p.Tenant != tenant }); i >= 0 {
		return usageError{"the people are in several tenants", "call syncer forget once for each tenant"}
	}
	if err := c.confirm(ctx, a, people); err != nil {
		return err
	}
	targets := dataSubjectsOf(cfg, people)
	erased, err := mirror.EraseUsers(ctx, db.Pool, tenant, targets)
	if err != nil {
		return tenantError{tenant, err}
	}
	a.printForgotten(forgottenLine{"forgotten", tenant, len(c.People), targets.IDs, erased})
	return a.checkHiddenInvitations(ctx, db, cfg, people)
}

// checkNoRun returns an error if a run is reading a tenant: it may be about to
// publish somebody whom the mirror does not know yet.
func (c *forgetCmd) checkNoRun(ctx context.Context, db *database) error {
	tenants, err := mirroredTenants(ctx, db, c.Tenant)
	if err != nil {
		return nil //nolint:nilerr // it is why nobody was found, and is reported
	}
	for _, t := range tenants {
		lock, err := state.AcquireTenantLock(ctx, db.Pool, t)
		if err != nil {
			return tenantError{t, err}
		}
		lock.Release()
	}
	return nil
}

// confirm asks the person at the terminal; without one, --yes has to be there.
func (c *forgetCmd) confirm(ctx context.Context, a *app, people []personArgument) error {
	if c.Yes {
		return nil
	}
	if !isTerminal(a.stdin) || a.out.json || a.out.quiet { // --json and -q would hide the question
		return usageError{"forget asks before it erases, and could not: there is no terminal to ask at", "with --yes it erases without asking; what is erased cannot be brought back from the mirror"}
	}
	rows := table{{"named", "is", "found by"}}
	for _, p := range people {
		rows = append(rows, []string{p.text, cmp.Or(p.UserID, "invitations only"), strings.Join(p.Matched, ", ")})
	}
	a.out.printf("%s\nErase %s of tenant %s from the mirror and its history? Type yes: ", rows, countedNoun(len(people), "person"), people[0].Tenant)
	if answer := a.readLine(ctx); answer != "yes" {
		return usageError{"nothing was erased", ""}
	}
	return nil
}

// readLine reads a line from the terminal; empty when the program is interrupted.
func (a *app) readLine(ctx context.Context) string {
	typed := make(chan string, 1)
	go func() { // ends with the process: a read from a terminal cannot be called off
		scanner := bufio.NewScanner(a.stdin)
		scanner.Scan()
		typed <- scanner.Text()
	}()
	select {
	case text := <-typed:
		return text
	case <-a.stop:
	case <-ctx.Done():
	}
	return ""
}

func (a *app) printForgotten(l forgottenLine) {
	if l.Rows == nil {
		l.Rows = map[string]int64{} // an object in JSON, too
	}
	if l.IDs == nil {
		l.IDs = []string{}
	}
	a.out.printJSON(l)
	rows := table{{"table", "rows erased"}}
	for _, name := range slices.Sorted(maps.Keys(l.Rows)) {
		rows = append(rows, []string{name, thousands(l.Rows[name])})
	}
	a.out.printf("%sA user who is still in Logto comes back with the next run: delete there first.\n", rows)
}
