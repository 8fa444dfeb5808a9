package mirror_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
)

// A list below a parent is read again from its beginning after a 404 that was none.
// What the first reading counted is no count of the second one, whose pages came
// later, in a run that is resumed either.
func TestAListThatIsReadAgainIsCountedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 40, Seed: 51}), "organization_users")
	b.runner.Log, b.runner.PageSize = silent(), 10
	tenant := b.server.Tenant
	organization, err := tenant.CreateOrganization(logtotest.Row{"name": "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range tenant.Rows("users")[:25] {
		if err := tenant.AddMember(organization, row["id"].(string)); err != nil {
			t.Fatal(err)
		}
	}
	path := "/api/organizations/" + organization + "/users"
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	var mu sync.Mutex
	requests, counts := 0, 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if r.URL.Path == path {
			requests++
			if strings.HasPrefix(r.URL.Query().Get("page"), "100000") {
				counts++
			}
		}
		n := requests
		mu.Unlock()
		switch {
		case r.URL.Path == path && n == 5: // three pages and the count have been read
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"code":"entity.not_found","message":"Not found."}`))
			return
		case r.URL.Path == path && n == 7: // the first page has been read again
			kill()
		}
		b.server.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	c, err := logto.New(logto.Config{Endpoint: proxy.URL, Resource: b.server.Resource, AppID: b.server.AppID, AppSecret: b.server.AppSecret, Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b.runner.Client, b.job.Endpoint = c, proxy.URL
	if _, err := b.runner.Run(ctx, b.job); err == nil || requests < 7 {
		t.Fatalf("the run was not killed: %v after %d requests", err, requests)
	}
	if counts != 1 {
		t.Fatalf("counted %d times before the 404", counts)
	}
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	if !s.Resumed || counts != 2 {
		t.Errorf("resumed %v, counted %d times: the second reading took the count of the first", s.Resumed, counts)
	}
}
