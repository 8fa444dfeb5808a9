package main

import "testing"

func TestATenantRecordsConcurrentRuns(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		requests string // a lower case letter: a request of that run arrives; upper case: it is answered
		want     bool
	}{
		"one after the other":                      {"aAaAbBbB", false},
		"many requests of one at once":             {"aaaAAA", false},
		"one asks while the other waits":           {"abAB", true},
		"one asks again after the other has begun": {"aAbBaA", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := newTenant(0)
			defer tenant.close()
			for _, step := range tc.requests {
				if step >= 'a' {
					tenant.trackReader(string(step))
				} else {
					tenant.endRequest(string(step - 'A' + 'a'))
				}
			}
			if tenant.hadConcurrentRuns() != tc.want {
				t.Errorf("%s: worked by two at once is %v, want %v", tc.requests, !tc.want, tc.want)
			}
		})
	}
}
