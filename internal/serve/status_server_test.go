package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// One transaction for a thousand tenants: none is left out because the database
// failed halfway, and the user does not wait for a thousand commits.
func TestRunsOfAllTenantsAreEnqueuedInOneTransaction(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `
jobs: [{name: job}]
serve: {token: a token for tests}`, "globex", "initech")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/run", strings.NewReader("job=job"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer a token for tests")
	w := httptest.NewRecorder()
	b.server.httpHandler().ServeHTTP(w, r)
	if w.Code != http.StatusAccepted {
		t.Fatalf("POST /run: %d %s", w.Code, w.Body)
	}
	var tenants, transactions int
	const sql = "select count(distinct args ->> 'tenant'), count(distinct xmin::text) from syncer_queue.river_job where kind = 'run'"
	if err := b.pool.QueryRow(t.Context(), sql).Scan(&tenants, &transactions); err != nil {
		t.Fatal(err)
	}
	if tenants != 3 || transactions != 1 {
		t.Errorf("%d tenants in %d transactions, want 3 in 1", tenants, transactions)
	}
}
