package logtotest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/logtotest"
)

// A versionAnswer is what a real Logto of one version answered to one question.
type versionAnswer struct {
	Version, Name, Request string
	Status                 int
	Total, Items           *int
	Link                   bool
	Fields                 []string
	FirstItems             json.RawMessage `json:"first_items"`
	Body                   any
}

// path is the request without its method.
func (a versionAnswer) path() string { return strings.TrimPrefix(a.Request, "GET ") }

// searches tells if which rows are listed depends on what is in them.
func (a versionAnswer) searches() bool {
	return strings.HasPrefix(a.Name, "search_") || strings.HasPrefix(a.Name, "q_") || strings.HasPrefix(a.Name, "apps_") ||
		strings.HasPrefix(a.Name, "roles_type")
}

// TestTheSimulatorAnswersAsEachRecordedVersionDoes replays what real servers of
// four versions answered on tenants of the same size and shape: statuses, paging,
// totals, the fields of items, error bodies.
func TestTheSimulatorAnswersAsEachRecordedVersionDoes(t *testing.T) {
	t.Parallel()
	byVersion := map[string][]versionAnswer{}
	for _, a := range readLines[versionAnswer](t, "testdata/versions.jsonl", 1236) {
		byVersion[a.Version] = append(byVersion[a.Version], a)
	}
	if got := slices.Sorted(maps.Keys(byVersion)); !slices.Equal(got, []string{"1.20.0", "1.25.0", "1.36.0", "1.42.0"}) {
		t.Fatalf("recorded versions %v", got)
	}
	for version, answers := range byVersion {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := start(t, tenantBehind(t, answers), logtotest.WithVersion(version))
			bearer := token(t, s, "all")
			for _, a := range answers {
				deletedMeanwhile(t, s.Tenant, a)
				t.Run(a.Name, func(t *testing.T) {
					compareVersion(t, a, ask(t, s, http.MethodGet, a.path(), bearer))
				})
			}
		})
	}
}

// deletedMeanwhile deletes users that somebody deleted between two questions.
func deletedMeanwhile(t *testing.T, tenant *logtotest.Tenant, a versionAnswer) {
	t.Helper()
	if !strings.HasPrefix(a.Name, "search_exact") || a.Total == nil || *a.Total > 0 {
		return
	}
	_, query, _ := strings.Cut(a.path(), "?")
	for p := range strings.SplitSeq(query, "&") {
		if id, ok := strings.CutPrefix(p, "search.id="); ok && slices.Contains(tenant.IDs("users"), id) {
			if err := tenant.DeleteUser(id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func compareVersion(t *testing.T, want versionAnswer, got reply) {
	t.Helper()
	if got.status != want.Status {
		t.Fatalf("%s: status %d, want %d: %.300s", want.path(), got.status, want.Status, got.raw)
	}
	if want.Status != http.StatusOK {
		if diff := cmp.Diff(want.Body, got.body); diff != "" {
			t.Errorf("%s: error body (-recorded +simulated):\n%s", want.path(), diff)
		}
		return
	}
	total := got.header.Get("Total-Number")
	if (want.Total != nil) != (total != "") || want.Link != (len(got.header.Values("Link")) > 0) {
		t.Errorf("%s: Total-Number %q and %d links, want a total: %v, links: %v",
			want.path(), total, len(got.header.Values("Link")), want.Total != nil, want.Link)
	}
	n, err := strconv.Atoi(total)
	switch {
	case want.Total == nil:
	case err != nil:
		t.Errorf("%s: Total-Number %q: %v", want.path(), total, err)
	case want.searches() || strings.HasPrefix(want.Name, "logs"): // each token adds a log entry
		if (n > 0) != (*want.Total > 0) {
			t.Errorf("%s: Total-Number %d, want %d or some such", want.path(), n, *want.Total)
		}
	case n != *want.Total:
		t.Errorf("%s: Total-Number %d, want %d", want.path(), n, *want.Total)
	}
	items, list := got.body.([]any)
	if list != (want.Items != nil) {
		t.Fatalf("%s: a list: %v, want %v: %.300s", want.path(), list, want.Items != nil, got.raw)
	}
	switch {
	case !list || len(items) == *want.Items:
	case !want.searches() || (len(items) > 0) != (*want.Items > 0):
		t.Errorf("%s: %d items, want %d", want.path(), len(items), *want.Items)
	}
	if !list {
		items = []any{got.body}
	}
	if diff := cmp.Diff(want.Fields, fieldsOf(items)); diff != "" {
		t.Errorf("%s: fields (-recorded +simulated):\n%s", want.path(), diff)
	}
}

// fieldsOf is every key of any item, sorted.
func fieldsOf(items []any) []string {
	keys := map[string]bool{}
	for _, item := range items {
		object, _ := item.(map[string]any)
		for k := range object {
			keys[k] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func TestAVersionThatIsNotSimulatedIsAnError(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"":       "",
		"1.16":   "",
		"1.42.1": "",
		"1.15":   "version 1.15 of Logto is not simulated: the oldest is 1.16",
		"latest": `"latest" is not a version of Logto, such as 1.25`,
		"1.x":    `"1.x" is not a version of Logto, such as 1.25`,
	} {
		if got := fmt.Sprint(logtotest.CheckVersion(version)); got != want && (want != "" || got != "<nil>") {
			t.Errorf("%q: %s, want %s", version, got, want)
		}
	}
}

func TestATenantOf116HasNoRoleForTheManagementAPI(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"1.16": false, "1.20": true, "": true} {
		tenant := logtotest.Generate(logtotest.Options{Users: 5, Version: version})
		s := start(t, tenant, logtotest.WithVersion(version))
		has := slices.ContainsFunc(tenant.Rows("roles"), func(r logtotest.Row) bool { return r["name"] == "Logto Management API access" })
		if status := ask(t, s, http.MethodGet, "/api/roles", token(t, s, "all")).status; has != want || status != http.StatusOK {
			t.Errorf("version %q: has the role: %v; its client is answered with %d", version, has, status)
		}
	}
}
