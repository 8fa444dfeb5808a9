package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/load"
)

// A storedRowLine is a row that is stored of a person, in JSON.
type storedRowLine struct {
	Type    string              `json:"type"` // "stored"
	Tenant  string              `json:"tenant"`
	User    string              `json:"user"`
	Schema  string              `json:"schema"` // logto or logto_history
	Table   string              `json:"table"`
	Columns []storedColumnValue `json:"columns"` // but for tenant_id and item_hash
}

type storedColumnValue struct {
	Column string          `json:"column"`
	Value  json.RawMessage `json:"value"`
	Rule   *load.Rule      `json:"rule"` // it is stored under; null: as Logto has it
}

// showPerson prints what is stored of a person: the one place that prints what
// the mirror holds of people, and only on stdout.
func (a *app) showPerson(ctx context.Context, db *database, cfg *config.Config, tenant, text string) error {
	people, err := findPeople(ctx, db, cfg, tenant, []string{text})
	if err != nil {
		return err
	}
	p := people[0]
	rules, err := privacyRuleLines(ctx, db, cfg, p.Tenant)
	if err != nil {
		return tenantError{p.Tenant, err}
	}
	loader, err := load.Open(ctx, db.Pool, p.Tenant, catalog.All())
	if err != nil {
		return tenantError{p.Tenant, err}
	}
	err = loader.PersonRows(ctx, db.Pool, dataSubjectsOf(cfg, people), func(s load.RowAboutPerson) error {
		line := storedRowLine{Type: "stored", Tenant: p.Tenant, User: p.UserID, Schema: s.Schema, Table: s.Table}
		for _, c := range s.Columns {
			stored := storedColumnValue{Column: c.Name, Value: json.RawMessage(c.Value)}
			if i := slices.IndexFunc(rules, func(r ruleLine) bool { return r.Table == s.Table && r.Column == c.Name }); i >= 0 {
				stored.Rule = rules[i].Stored
			}
			line.Columns = append(line.Columns, stored)
		}
		a.out.printJSON(line)
		a.out.printf("%s", storedRowText(line))
		return nil
	})
	if err != nil {
		return tenantError{p.Tenant, err}
	}
	return a.checkHiddenInvitations(ctx, db, cfg, people)
}

// storedRowText leaves out what is null unless a rule has made it so.
func storedRowText(l storedRowLine) string {
	rows := table{{l.Schema + "." + l.Table, "rule", "value"}}
	for _, c := range l.Columns {
		rule, value := "", string(c.Value)
		if c.Rule != nil {
			rule = ruleText(c.Rule)
		}
		if value == "null" {
			if rule == "" {
				continue
			}
			value = "-"
		}
		rows = append(rows, []string{c.Column, rule, printableText(value)})
	}
	return rows.String() + "\n"
}

// printableText is a JSON string without its quotes, any other value as it is. What
// a terminal might take for a command is written as JSON writes it.
func printableText(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) != nil {
		text = value
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
