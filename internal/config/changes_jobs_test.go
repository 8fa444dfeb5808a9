package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/config"
)

func TestAJobThatReadsChangesOfATenantThatNoJobProvesIsWarnedOf(t *testing.T) {
	t.Parallel()
	const tenants = `
tenants:
- {name: acme, endpoint: https://acme.logto.app, app_id: a, app_secret: b}
- {name: ours, endpoint: https://ours.logto.app, app_id: a, app_secret: b}
jobs:
`
	const fresh = "- {name: fresh, read: changes}\n"
	for name, tc := range map[string]struct {
		jobs string
		want config.Errors
	}{
		"no other job": {fresh, config.Errors{unproved("acme, ours")}},
		"a job proves one of two": {
			fresh + "- {name: nightly, tenants: [acme]}\n", config.Errors{unproved("ours")},
		},
		"a job proves both": {fresh + "- {name: nightly}\n", nil},
		"changes of another job prove nothing": {
			fresh + "- {name: often, tenants: [acme], read: changes}\n- {name: nightly, tenants: [acme]}\n", config.Errors{unproved("ours")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse("jobs.yaml", []byte(tenants+tc.jobs), environment, listings())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, c.Warnings); diff != "" {
				t.Errorf("Warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func unproved(tenants string) config.Problem {
	return config.Problem{
		File: "jobs.yaml", Line: 6, Column: 23, Field: "jobs[0].read",
		Message: "no job of this file proves " + tenants + ": changes are followed from the last proof on",
		Hint:    "add a job without read: changes, for example one with schedule: @daily",
	}
}

func TestTheJobsThatReadATenantsChangesAreFound(t *testing.T) {
	t.Parallel()
	c, err := config.Load("testdata/full.yaml", environment, nil)
	if err != nil {
		t.Fatal(err)
	}
	if jobs := c.ChangesJobs("ours"); len(jobs) != 1 || jobs[0].Name != "fresh" {
		t.Errorf("jobs that read the changes of ours: %+v", jobs)
	}
}
