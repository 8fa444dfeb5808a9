package main

import (
	"bufio"
	"context"
	"errors"
	"maps"
	"slices"

	"logto-syncer/internal/config"
	"logto-syncer/internal/mirror"
)

// forgetCmd is syncer forget.
type forgetCmd struct {
	Users  []string `arg:"" name:"user" help:"Ids of the users to erase."`
	Tenant string   `placeholder:"NAME" help:"The tenant they are of; needed if the configuration has several."`
	Yes    bool     `help:"Do not ask."`
}

// A forgottenLine says what was erased, in JSON.
type forgottenLine struct {
	Type   string           `json:"type"` // "forgotten"
	Tenant string           `json:"tenant"`
	Users  int              `json:"users"` // that were named
	Rows   map[string]int64 `json:"rows"`  // erased, by table
}

// Run is called by kong.
func (c *forgetCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	t, err := theTenant(cfg, c.Tenant)
	if err != nil {
		return err
	}
	if slices.Contains(c.Users, "") {
		return usageError{"a user's id is empty", ""}
	}
	db, err := openMirror(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := c.confirm(ctx, a, t.Name); err != nil {
		return err
	}
	erased, err := mirror.Forget(ctx, db.Pool, t.Name, c.Users)
	if err != nil {
		return tenantError{t.Name, err}
	}
	a.tellForgotten(forgottenLine{"forgotten", t.Name, len(c.Users), erased})
	return nil
}

// theTenant returns the tenant of a name, without a name the only one.
func theTenant(cfg *config.Config, name string) (config.Tenant, error) {
	if name == "" && len(cfg.Tenants) != 1 {
		return config.Tenant{}, usageError{"which tenant?", "name it with --tenant NAME"}
	}
	if name == "" {
		return cfg.Tenants[0], nil
	}
	found, err := tenantsNamed(cfg, []string{name})
	if err != nil {
		return config.Tenant{}, err
	}
	return found[0], nil
}

// confirm asks the person at the terminal; without one, --yes has to be there.
func (c *forgetCmd) confirm(ctx context.Context, a *app, tenant string) error {
	if c.Yes {
		return nil
	}
	if !isTerminal(a.stdin) || a.out.json || a.out.quiet {
		return usageError{"what is forgotten cannot be brought back from the mirror", "with --yes it is done without asking"}
	}
	a.out.printf("Erase %s of %s from the mirror and its history? Type yes: ", number(len(c.Users), "user"), tenant)
	if answer := a.line(ctx); answer != "yes" {
		return usageError{"nothing was erased", ""}
	}
	return nil
}

// line reads a line from the terminal; empty when the program is interrupted.
func (a *app) line(ctx context.Context) string {
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

func (a *app) tellForgotten(l forgottenLine) {
	if l.Rows == nil {
		l.Rows = map[string]int64{} // an object in JSON, too
	}
	a.out.object(l)
	rows := table{{"table", "rows erased"}}
	for _, name := range slices.Sorted(maps.Keys(l.Rows)) {
		if l.Rows[name] > 0 {
			rows = append(rows, []string{name, count(l.Rows[name])})
		}
	}
	if len(rows) == 1 {
		a.out.printf("the mirror and its history have nothing of %s\n", number(l.Users, "such user"))
	} else {
		a.out.printf("%s", rows)
	}
	a.out.printf("A user who is still in Logto comes back with the next run: delete there first.\n")
}
