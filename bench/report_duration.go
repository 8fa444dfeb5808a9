package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"time"

	"logto-syncer/bench/host"
	"logto-syncer/internal/report"
)

// nothingToSay begins the questions without an answer here: no privacy rule is
// set, and every table is known from its first run on.
var nothingToSay = regexp.MustCompile("^(59|60)[.] ")

// reportArguments are the arguments a report is run with, beside its tenant, and
// whether it is about one person, role or organization.
func (t *queryTenant) reportArguments(ctx context.Context) (args map[string]map[string]string, err error) {
	var organization string
	if err := t.QueryRow(ctx, "select id from logto.organizations where name like '% 3'").Scan(&organization); err != nil {
		return nil, err
	}
	previous, last := t.previousRunAt.Format(time.RFC3339Nano), t.lastRunAt.Format(time.RFC3339Nano)
	return map[string]map[string]string{
		"access_changes":          {"since": previous, "user": "gone00000001"},
		"changes":                 {"since": previous, "until": last},
		"organization_members":    {"organization": organization},
		"organization_members_at": {"organization": organization, "at": last},
		"permission_holders":      {"scope": "delete:orders"},
		"role_holders_at":         {"role": "finance", "at": last},
		"role_members":            {"role": "finance"},
		"search_users":            {"query": "dora keler"},
		"user":                    {"who": "dora00000001"},
		"user_permissions":        {"who": "dora00000001"},
	}, nil
}

// reports times every report as syncer report runs it: names are looked up, and
// what the query rests on is planned before it is asked.
func (t *queryTenant) reports(ctx context.Context) ([]result, error) {
	all, err := report.List("")
	if err != nil {
		return nil, err
	}
	arguments, err := t.reportArguments(ctx)
	if err != nil {
		return nil, err
	}
	var one, whole []questionTiming
	for _, r := range all {
		q := questionTiming{name: "report " + r.Name, wholeTenant: arguments[r.Name] == nil || r.Name == "changes" || r.Name == "permission_holders"}
		args := map[string]string{"tenant": acme}
		maps.Copy(args, arguments[r.Name])
		q, err := medianTiming(q, func() (int, error) {
			out, err := report.NewRenderer("csv", io.Discard, 0)
			if err != nil {
				return 0, err
			}
			answer, err := report.Run(ctx, t.Pool, r, report.RunOptions{Args: args}, out)
			return answer.Rows, err
		})
		if err != nil {
			return nil, err
		}
		if q.wholeTenant {
			whole = append(whole, q)
		} else {
			one = append(one, q)
		}
	}
	t.harness.questionResults = append(append(t.harness.questionResults, one...), whole...)
	return []result{
		slowestQuestionResult("reports about one", "syncer report, about one person, role or organization", t.sizeText(), one, 0.05),
		slowestQuestionResult("reports about the tenant", "syncer report, about the whole tenant", t.sizeText(), whole, 3),
	}, nil
}

// personLookups times finding one person by everything that names one.
func (t *queryTenant) personLookups(ctx context.Context) ([]result, error) {
	const sql = `select u.id, upper(u.primary_email), u.username, '+' || u.primary_phone, (select i.target || ':' || i.identity_user_id from logto.user_identities i limit 1)
from logto.users u where u.username is not null and u.primary_email is not null and u.primary_phone is not null order by u.id limit 1`
	names := make([]string, 5)
	if err := t.QueryRow(ctx, sql).Scan(&names[0], &names[1], &names[2], &names[3], &names[4]); err != nil {
		return nil, fmt.Errorf("choose a person: %w", err)
	}
	hash := func(text string) string { return "hmac-sha256:" + strings.Repeat(text, 2) }
	var timings []questionTiming
	for i, by := range []string{"id", "e-mail address, in any case", "username", "phone number", "identity elsewhere"} {
		q, err := medianTiming(questionTiming{name: "a person by " + by}, func() (int, error) {
			found, err := report.FindPeople(ctx, t.Pool, []string{acme}, names[i], hash)
			return len(found), err
		})
		if err != nil {
			return nil, err
		}
		timings = append(timings, q)
	}
	t.harness.questionResults = append(t.harness.questionResults, timings...)
	return []result{slowestQuestionResult("finding a person", "by id, address, username, phone number or identity", t.sizeText(), timings, 0.05)}, nil
}

// medianTiming asks once to warm up and then again, and keeps the median. Finding
// nothing measures nothing: that is an error, but for erasures.
func medianTiming(q questionTiming, ask func() (rows int, err error)) (questionTiming, error) {
	times := 5
	if q.wholeTenant {
		times = 3
	}
	var latencies []time.Duration
	for i := range 1 + times {
		began := time.Now()
		rows, err := ask()
		if err != nil {
			return q, fmt.Errorf("%s: %w", q.name, err)
		}
		if q.rows = rows; i > 0 {
			latencies = append(latencies, time.Since(began))
		}
	}
	if q.rows == 0 && !nothingToSay.MatchString(q.name) {
		return q, fmt.Errorf("%s: nothing found", q.name)
	}
	q.seconds = host.Median(latencies).Seconds()
	return q, nil
}
