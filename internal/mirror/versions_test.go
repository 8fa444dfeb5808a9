package mirror_test

import (
	"slices"
	"testing"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/state"
)

// Every listing, optional ones too, from the oldest version to the newest: exact,
// or said to be unknown to the server, which is learnt once.
func TestEveryVersionOfLogtoIsMirroredExactly(t *testing.T) {
	t.Parallel()
	const jit = "organization_jit_"
	profile := []string{"custom_profile_fields"}
	oldest := []string{"custom_profile_fields", "organization_applications", jit + "email_domains", jit + "roles", jit + "sso_connectors", "personal_access_tokens"}
	for version, lacks := range map[string][]string{
		"1.16": oldest, "1.20": profile, "1.25": profile, "1.31": nil, "1.36": nil, "1.40": nil, "1.42": nil, "1.43": nil,
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			tenant := logtotest.Generate(logtotest.Options{Users: 60, Organizations: 12, Seed: 40, Version: version})
			b := setup(t, tenant, catalog.Names()...)
			b.server.SetVersion(version)
			for range 2 {
				s := b.run(t)
				if s.Status != state.Succeeded {
					t.Errorf("status %s", s.Status)
				}
				var unknown []string
				for _, c := range s.Listings {
					switch c.Proof {
					case "complete":
					case "unknown to server":
						unknown = append(unknown, c.Listing)
						if c.Requests > 4 { // it and, to be sure that it is no outage, three more
							t.Errorf("%d requests to learn that the server has no %s", c.Requests, c.Listing)
						}
					default:
						t.Errorf("%s is %s: %s", c.Listing, c.Proof, c.Reason)
					}
				}
				slices.Sort(unknown)
				want := slices.Sorted(slices.Values(lacks))
				if !slices.Equal(unknown, want) {
					t.Errorf("unknown to the server: %v, want %v", unknown, want)
				}
				known := b.job.Listings
				b.job.Listings = slices.DeleteFunc(slices.Clone(known), func(l *catalog.Listing) bool { return slices.Contains(unknown, l.Name) })
				b.wantEqual(t)
				b.job.Listings = known
			}
		})
	}
}

// A server that is upgraded between two runs is read as what it is now.
func TestAnUpgradeOfLogtoBringsWhatItLacked(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 60, Organizations: 12, Seed: 41}), catalog.Names()...)
	b.server.SetVersion("1.20")
	b.run(t)
	b.server.SetVersion(logtotest.Newest)
	wantProved(t, b.run(t))
	b.wantEqual(t)
}
