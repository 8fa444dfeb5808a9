package main

import (
	"context"
	"strings"
	"time"

	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/report"
)

// A queryTenant is the large tenant with everything the questions are about.
type queryTenant struct {
	*largeTenant
	*database
	previousRunAt, lastRunAt time.Time // when the last two runs were published
}

// measureChangedRowsAndQueries changes rows of the large tenant, creates the indexes for
// analysts, and times the questions of docs/questions.md.
func measureChangedRowsAndQueries(ctx context.Context, h *harness) (results []result, err error) {
	large, err := h.largeTenant(ctx)
	if err == nil && large.mirror == nil {
		_, err = h.createLargeMirror(ctx, large.simulator)
	}
	if err != nil {
		return nil, err
	}
	t := &queryTenant{largeTenant: large, database: large.mirror}
	if results, err = t.changedRowRuns(ctx); err != nil {
		return results, err
	}
	if _, err := t.Exec(ctx, "vacuum analyze"); err != nil {
		return results, err
	}
	for _, measure := range []func(context.Context) ([]result, error){t.timeQuestions, t.timeSearches, t.timeReports, t.timePersonLookups} {
		some, err := measure(ctx)
		results = append(results, some...)
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

// timeQuestions times all questions of docs/questions.md.
func (t *queryTenant) timeQuestions(ctx context.Context) ([]result, error) {
	queries, err := t.questionQueries(t.previousRunAt, t.lastRunAt)
	if err != nil {
		return nil, err
	}
	return t.timeByScope(ctx, "questions", "", queries)
}

// timeReports times every report.
func (t *queryTenant) timeReports(ctx context.Context) ([]result, error) {
	organization, err := pgquery.Value[string](ctx, t, "choose an organization", "select id from logto.organizations where name like '% 3'")
	if err != nil {
		return nil, err
	}
	previous, last := t.previousRunAt.Format(time.RFC3339Nano), t.lastRunAt.Format(time.RFC3339Nano)
	queries, err := t.reportQueries(t.lastRunAt, organization, map[string]map[string]string{
		"access_changes":     {"since": previous, "user": "gone00000001"},
		"changes":            {"since": previous, "until": last},
		"permission_holders": {"scope": "delete:orders"},
	})
	if err != nil {
		return nil, err
	}
	return t.timeByScope(ctx, "reports", "syncer report, ", queries)
}

// timeSearches times report.search_users with each of its arguments.
func (t *queryTenant) timeSearches(ctx context.Context) ([]result, error) {
	const sql = `select quote_literal(organization), quote_literal(name) from report.organization_members
where organization like '% 3' and name is not null order by user_id limit 1`
	var organization, name string
	if err := t.QueryRow(ctx, sql).Scan(&organization, &name); err != nil {
		return nil, err
	}
	var queries []query
	for _, s := range []struct{ name, arguments string }{
		{"a name, misspelt", "'dora keler'"},
		{"an address, misspelt", "'emma.petrof4711'"},
		{"an address, in any case", "'DORA@Example.ORG', 'exact'"},
		{"a part of an address", "'RL@keller.', 'contains'"},
		{"a name in an organization", name + ", organization => " + organization},
		{"custom data", `custom_data => '{"externalId": "crm-K41"}'`},
		{"a path of custom data", `custom_data_path => '$.externalId == "crm-K41"'`},
		{"a role", "role => 'finance'"},
		{"an organization", "organization => " + organization},
		{"a role in an organization", "organization_role => 'member', organization => " + organization},
		{"an e-mail domain", "email_domain => 'Keller.example'"},
		{"a role and an e-mail domain, suspended", "role => 'finance', email_domain => 'example.org', suspended => true"},
		{"a name that hundreds have, misspelt", "'emma petrof'"},
	} {
		queries = append(queries, t.newSQLQuery("a search by "+s.name, false, "select * from report.search_users("+s.arguments+")"))
	}
	timings, err := t.timeQueries(ctx, queries)
	if err != nil {
		return nil, err
	}
	few, many := timings[:len(timings)-1], timings[len(timings)-1]
	return []result{
		t.slowestResult("searches for few", "report.search_users", few, false),
		informational("a search for many", "report.search_users, a common name, misspelt; "+t.sizeText(), many.seconds*1000, " ms", ""),
	}, nil
}

// timePersonLookups times finding one person by everything that names one.
func (t *queryTenant) timePersonLookups(ctx context.Context) ([]result, error) {
	const sql = `select array[u.id, upper(u.primary_email), u.username, '+' || u.primary_phone, (select i.target || ':' || i.identity_user_id from logto.user_identities i limit 1)]
from logto.users u where u.username is not null and u.primary_email is not null and u.primary_phone is not null order by u.id limit 1`
	names, err := pgquery.Value[[]string](ctx, t, "choose a person", sql)
	if err != nil {
		return nil, err
	}
	hash := func(text string) string { return "hmac-sha256:" + strings.Repeat(text, 2) }
	var queries []query
	for i, by := range []string{"id", "e-mail address, in any case", "username", "phone number", "identity elsewhere"} {
		queries = append(queries, query{"a person by " + by, false, func(ctx context.Context) (int, error) {
			found, err := report.FindPeople(ctx, t.Pool, []string{acme}, names[i], hash)
			return len(found), err
		}})
	}
	timings, err := t.timeQueries(ctx, queries)
	return []result{t.slowestResult("finding a person", "by id, address, username, phone number or identity", timings, false)}, err
}
