package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/load"
	"logto-syncer/internal/state"
)

// privacyCmd is syncer privacy.
type privacyCmd struct {
	Person string `arg:"" optional:"" name:"person" help:"Show what is stored of a person, named by id, e-mail address, phone number, username or an identity elsewhere, and under which rules."`
	Tenant string `placeholder:"NAME" help:"Only this tenant."`
}

// Run is called by kong.
func (c *privacyCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, db, err := a.openReadable(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.Person != "" {
		return a.showPerson(ctx, db, cfg, c.Tenant, c.Person)
	}
	tenants, err := mirroredTenants(ctx, db, c.Tenant)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		rules, err := privacyRuleLines(ctx, db, cfg, t)
		if err != nil {
			return tenantError{t, err}
		}
		a.printRules(t, rules)
	}
	return nil
}

// privacyOf is what the configuration's rules mean to the loader.
func privacyOf(p config.Privacy) load.Privacy {
	if len(p.Tables) == 0 {
		return load.Privacy{}
	}
	out := load.Privacy{Key: []byte(p.Key.Reveal()), Rules: map[string]map[string]load.Rule{}}
	for table, columns := range p.Tables {
		out.Rules[table] = map[string]load.Rule{}
		for column, rule := range columns {
			out.Rules[table][column] = load.Rule(rule)
		}
	}
	return out
}

// checkRules wants the rules to be for columns that are there and can have
// them: the error has all mistakes, each with its place in the file. The
// database is up to date.
func checkRules(ctx context.Context, db *database, cfg *config.Config) error {
	if len(cfg.Privacy.Tables) == 0 {
		return nil
	}
	loader, err := load.Open(ctx, db.Pool, "", catalog.All())
	if err != nil {
		return err
	}
	var problems []config.Problem
	for _, err := range privacyOf(cfg.Privacy).Check(loader) {
		field, reason := "privacy.tables", err.Error()
		if rule, ok := errors.AsType[*load.RuleError](err); ok {
			field, reason = strings.TrimSuffix(field+"."+rule.Table+"."+rule.Column, "."), rule.Reason
		}
		problems = append(problems, cfg.Problem(field, reason, "docs/data-dictionary.md has the columns"))
	}
	return config.JoinProblems(problems)
}

// A ruleLine is a privacy rule on a column, in JSON.
type ruleLine struct {
	Type   string `json:"type"` // "privacy"
	Tenant string `json:"tenant"`
	Table  string `json:"table"`
	Column string `json:"column"`
	// What is stored, and what the configuration wants; null: all of it. They
	// differ until the next run, and Pending says so; it does too if the key
	// of the hashes is another.
	Stored  *load.Rule `json:"stored"`
	Wanted  *load.Rule `json:"wanted"`
	Pending bool       `json:"pending"`
	// The run that last applied the table's rules; null: none has.
	RunID *int64     `json:"run_id"`
	Since *time.Time `json:"since"`
}

// privacyRuleLines joins the rules in force with those of the configuration,
// sorted by table and column.
func privacyRuleLines(ctx context.Context, db *database, cfg *config.Config, tenant string) ([]ruleLine, error) {
	loader, err := load.Open(ctx, db.Pool, tenant, catalog.All())
	if err != nil {
		return nil, err
	}
	stored, err := state.PrivacyRulesInForce(ctx, db.Pool, tenant)
	if err != nil {
		return nil, err
	}
	wanted := loader.WithPrivacy(privacyOf(cfg.Privacy)).RuleTexts()
	if len(cfg.Tenants) == 0 { // without a configuration nobody knows what the next run applies
		for _, f := range stored {
			wanted[f.Table] = f.Rules
		}
	}
	for table := range wanted {
		if !slices.ContainsFunc(stored, func(f state.TablePrivacyRules) bool { return f.Table == table }) {
			stored = append(stored, state.TablePrivacyRules{Table: table, Rules: "{}"})
		}
	}
	slices.SortFunc(stored, func(a, b state.TablePrivacyRules) int { return strings.Compare(a.Table, b.Table) })
	var lines []ruleLine
	for _, f := range stored {
		of, err := tableRuleLines(tenant, f, wanted[f.Table])
		if err != nil {
			return nil, err
		}
		lines = append(lines, of...)
	}
	return lines, nil
}

// tableRuleLines joins what is in force of a table with what is wanted, empty for
// nothing.
func tableRuleLines(tenant string, f state.TablePrivacyRules, wanted string) ([]ruleLine, error) {
	is, isKey, err := load.ParseStoredRules(f.Rules)
	if err != nil {
		return nil, err
	}
	want, wantKey := map[string]load.Rule{}, ""
	if wanted != "" {
		if want, wantKey, err = load.ParseStoredRules(wanted); err != nil {
			return nil, err
		}
	}
	columns := maps.Clone(is)
	maps.Copy(columns, want)
	var lines []ruleLine
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		l := ruleLine{Type: "privacy", Tenant: tenant, Table: f.Table, Column: column, RunID: f.RunID, Since: f.Since}
		if rule, ok := is[column]; ok {
			l.Stored = &rule
		}
		if rule, ok := want[column]; ok {
			l.Wanted = &rule
		}
		l.Pending = ruleText(l.Stored) != ruleText(l.Wanted) || l.Stored.Hash && isKey != wantKey
		lines = append(lines, l)
	}
	return lines, nil
}

// ruleText is a rule as in jobs.yaml; none stores all.
func ruleText(r *load.Rule) string {
	switch {
	case r == nil:
		return "all"
	case r.Drop:
		return "drop"
	case r.Hash:
		return "hash"
	}
	return "keep " + strings.Join(r.Keep, ", ")
}

func (a *app) printRules(tenant string, lines []ruleLine) {
	if len(lines) == 0 {
		a.out.printf("%s: no privacy rules, all that Logto lists is stored\n", tenant)
		return
	}
	rows := table{{"table", "column", "stored", "since", "with the next run"}}
	for _, l := range lines {
		a.out.printJSON(l)
		since, next := "-", ""
		if l.RunID != nil && l.Since != nil {
			since = fmt.Sprintf("run %d, %s", *l.RunID, l.Since.UTC().Format("2006-01-02 15:04 MST"))
		}
		if l.Pending {
			next = ruleText(l.Wanted)
		}
		rows = append(rows, []string{l.Table, l.Column, ruleText(l.Stored), since, next})
	}
	a.out.printf("%s\n%s", tenant, rows)
}
