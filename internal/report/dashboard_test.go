package report_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"logto-syncer/internal/postgres/pgtest"
)

// A dashboard is what of a Grafana dashboard asks the database.
type dashboard struct {
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
	Panels []struct {
		Title, Type string
		Targets     []struct{ Format, RawSQL string }
	}
}

// asGrafana fills in what Grafana would for the tenant and 90 days.
func asGrafana(sql string) string {
	return strings.NewReplacer(
		"${tenant:sqlstring}", "'"+acme+"'", "$__timeFrom()", "'2026-08-10T00:00:00Z'", "$__timeTo()", "'2026-11-08T00:00:00Z'",
	).Replace(sql)
}

func TestEveryQueryOfTheDashboardAnswersAnAnalyst(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	conn := analyst(t, pgtest.NewPool(t, twoNights))
	asked := 0
	ask := func(title, format, sql string) {
		asked++
		if strings.Contains(asGrafana(sql), "$") {
			t.Errorf("%s: a variable this test does not know: %s", title, sql)
		}
		rows, err := conn.Query(t.Context(), asGrafana(sql))
		if err != nil {
			t.Errorf("%s: %v", title, err)
			return
		}
		fields, n := rows.FieldDescriptions(), 0
		for rows.Next() {
			n++
		}
		if rows.Err() != nil || n == 0 {
			t.Errorf("%s: %d rows, error %v", title, n, rows.Err())
		}
		if format == "time_series" && (fields[0].Name != "time" || fields[0].DataTypeOID != pgtype.TimestamptzOID) {
			t.Errorf("%s: a time series begins with %s, want time", title, fields[0].Name)
		}
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			ask("variable "+v.Name, "", v.Query)
		}
	}
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			ask(p.Title, target.Format, target.RawSQL)
		}
	}
	if asked < 15 {
		t.Errorf("%d queries, want 15 or more", asked)
	}
}
