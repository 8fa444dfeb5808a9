package mirror_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

var notSettled = regexp.MustCompile(`of (\d+) counted, (\d+) were seen`)

// contradictions returns how the numbers of a run's certificates contradict each
// other; nil if they add up.
func contradictions(s mirror.Summary) error {
	var errs []error
	for _, c := range s.Listings {
		complain := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("the certificate of %s contradicts itself: %s: %+v", c.Listing, fmt.Sprintf(format, args...), c))
		}
		complete := c.Proof == "complete"
		if c.Distinct < 0 || c.Requests < 0 || c.Inserted < 0 || c.Updated < 0 || c.Deleted < 0 || c.Unchanged < 0 || c.Total != nil && *c.Total < 0 {
			complain("a number is negative")
		}
		if complete != (c.Reason == "") {
			complain("a reason, or none")
		}
		if complete && c.Total != nil && *c.Total > c.Distinct {
			complain("%d were counted and %d seen", *c.Total, c.Distinct)
		}
		if c.Inserted+c.Updated+c.Unchanged > int64(c.Distinct) {
			complain("more rows than items")
		}
		if complete && c.Requests < c.Parents {
			complain("%d lists in %d requests", c.Parents, c.Requests)
		}
		if m := notSettled.FindStringSubmatch(c.Reason); m != nil {
			counted, _ := strconv.Atoi(m[1])
			seen, _ := strconv.Atoi(m[2])
			if seen >= counted {
				complain("it would have settled")
			}
		}
	}
	return errors.Join(errs...)
}

// unreadable is a tenant of which a user and an organization cannot be sent, and
// a webhook comes without an id.
func unreadable(t *testing.T) *bench {
	t.Helper()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 70, Organizations: 25, Seed: 60}))
	b.runner.Log, b.runner.PageSize = silent(), 10
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/hooks" {
			b.server.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		b.server.ServeHTTP(rec, r)
		var rows []json.RawMessage
		if err := json.Unmarshal(rec.Body.Bytes(), &rows); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(append(rows, json.RawMessage(`{"name":"without an id"}`)))
	}))
	t.Cleanup(front.Close)
	c, err := logto.New(logto.Config{
		Endpoint: front.URL, Resource: b.server.Resource, AppID: b.server.AppID, AppSecret: b.server.AppSecret,
		InitialBackoff: time.Millisecond, RetryTimeout: patient, Concurrency: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b.runner.Client = c
	return b
}

// inPieces runs the job, and breaks each attempt off after so many requests.
func (b *bench) inPieces(t *testing.T, requests int) (s mirror.Summary) {
	t.Helper()
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		until := b.server.Counters().Requests + requests
		b.server.OnRequest(func(n int, _ *http.Request) {
			if n > until {
				cancel()
			}
		})
		s, err := b.runner.Run(ctx, b.job)
		broken := ctx.Err() != nil
		cancel()
		if err == nil {
			return s
		}
		if !broken {
			t.Fatal(err)
		}
	}
	t.Fatal("the run does not come to an end")
	return s
}

func TestACertificateIsTheSameHoweverOftenItsRunWasResumed(t *testing.T) {
	t.Parallel()
	for name, poisoned := range map[string]bool{"a tenant that is proved": false, "a tenant that is not": true} {
		for _, requests := range []int{40, 60} {
			t.Run(fmt.Sprintf("%s, in pieces of %d requests", name, requests), func(t *testing.T) {
				t.Parallel()
				whole, pieces := unreadable(t), unreadable(t)
				for _, b := range []*bench{whole, pieces} {
					if poisoned {
						b.server.FailOnRow(userIDs(b.server.Tenant)[20])
						b.server.FailOnRow(b.server.Tenant.Rows("organizations")[12]["id"].(string))
					} else {
						b.job.Listings = catalog.Select([]string{"user_roles", "organization_users", "role_scopes"})
					}
				}
				for _, run := range []string{"first", "next"} {
					want := whole.run(t)
					got := pieces.inPieces(t, requests)
					if !got.Resumed {
						t.Error("not resumed: the test proves nothing")
					}
					if diff := cmp.Diff(want.Listings, got.Listings, cmpopts.IgnoreFields(state.Certificate{}, "ReadAt")); diff != "" {
						t.Errorf("%s run: certificates of a run in one piece (-) and of a resumed one (+):\n%s", run, diff)
					}
					if err := errors.Join(contradictions(want), contradictions(got)); err != nil {
						t.Errorf("%s run: %v", run, err)
					}
					pieces.wantEqualTo(t, whole)
				}
			})
		}
	}
}

// wantEqualTo fails unless both mirrors have as many users.
func (b *bench) wantEqualTo(t *testing.T, other *bench) {
	t.Helper()
	if have, want := b.count(t, "users"), other.count(t, "users"); have != want {
		t.Errorf("%d users, want %d", have, want)
	}
}
