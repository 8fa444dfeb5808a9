package main

import (
	"strings"
	"testing"
)

func TestTheReportHasARowForEachResultAndEachQuery(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	err := reportTemplate.Execute(&b, map[string]any{
		"Took": "12m", "Machine": "2 cores", "Settings": "PostgreSQL 18",
		"Results": []result{
			atMost("memory", "peak", 140, 128, " MB", "of 6"), atLeast("speed", "limit ÷ time", 0.98, 0.97, "", ""), informational("COPY", "baseline", 12.34, " s", ""),
		},
		"Queries": []queryTiming{{query{name: "1. Who?"}, 0.0041, 1}, {query{name: "2. How many?", wholeTenant: true}, 0.25, 1_234_567}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"(12m here)", "- **Machine**: 2 cores.\n- **Postgres**: PostgreSQL 18; on the same machine",
		"|---|---|---|---|---|---|\n| memory | peak | ≤ 128 MB | 140 MB | **no** | of 6 |\n" +
			"| speed | limit ÷ time | ≥ 0.97 | 0.98 | yes |  |\n| COPY | baseline |  | 12.3 s |  |  |\n\nHow the measurements",
		"|---|---|---|---|\n| 1. Who? | one | 4.1 ms | 1 |\n| 2. How many? | the tenant | 250 ms | 1,234,567 |\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	if !strings.HasSuffix(b.String(), "1,234,567 |\n") {
		t.Errorf("the report ends with %q", b.String()[b.Len()-40:])
	}
}
