package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logto-syncer/internal/logtotest"
)

// Whatever rules the address of a person and of an invitation are under: what is
// stored of the invitation is erased with the person, or forget says that it
// could not look for it.
func TestForgetFindsTheInvitationOrSaysThatItCannot(t *testing.T) {
	t.Parallel()
	const (
		email     = "Erna.Erased@Example.org"
		needsKey  = "organization_invitations.invitee is stored as a hash, and the key is not known"
		hashed    = "users.primary_email is stored as a hash, and the key is not known"
		notStored = "users.primary_email is not stored"
	)
	for _, tc := range []struct {
		email, invitee string // rules
		withoutKey     bool   // forget reads a configuration without it
		byAddress      bool
		hidden         string // why the invitation cannot be found; empty: it is erased
	}{
		{email: "", invitee: ""},
		{email: "hash", invitee: ""},
		{email: "", invitee: "hash"},
		{email: "hash", invitee: "hash"},
		{email: "drop", invitee: "", hidden: notStored},
		{email: "drop", invitee: "hash", hidden: notStored},
		{email: "drop", invitee: "", byAddress: true},
		{email: "drop", invitee: "hash", byAddress: true},
		{email: "hash", invitee: "", withoutKey: true, hidden: hashed},
		{email: "", invitee: "hash", withoutKey: true, hidden: needsKey},
		{email: "hash", invitee: "hash", withoutKey: true},
		{email: "", invitee: "drop", withoutKey: true},
		{email: "hash", invitee: "drop", withoutKey: true},
		{email: "drop", invitee: "drop"},
	} {
		t.Run(fmt.Sprintf("%+v", tc), func(t *testing.T) {
			t.Parallel()
			s := newFixtureOf(t, logtotest.Options{Users: 20, Organizations: 2, Seed: 5})
			tenant := s.server.Tenant
			for _, err := range []error{
				second(tenant.CreateUser(logtotest.Row{"id": "erna00000001", "primary_email": email})),
				second(tenant.CreateInvitation(simulatedRowIDs(tenant, "organizations")[0], email, logtotest.Row{"id": "invitation01"})),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			rules := filepath.Join(s.dir, "rules.yaml")
			write := func(key string) {
				t.Helper()
				text := must[[]byte](t, "read")(os.ReadFile(filepath.Join(s.dir, "jobs.yaml")))
				if err := os.WriteFile(rules, []byte(string(text)+privacyYAML(key, tc.email, tc.invitee)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("a key of sixteen")
			if code, _, stderr := inProcess(t, s.env, "run", "-q", "-c", rules); code != exitDone {
				t.Fatal(stderr)
			}
			if tc.withoutKey {
				write("another key of sixteen")
			}
			person, want := "erna00000001", exitDone
			if tc.byAddress {
				person = strings.ToLower(email)
				if tc.invitee == "hash" {
					person = email // as it is written in Logto
				}
			}
			if tc.hidden != "" {
				want = exitUnproved
			}
			for _, command := range [][]string{{"privacy", person}, {"forget", person, "--yes"}} {
				code, _, stderr := inProcess(t, s.env, append(command, "-c", rules)...)
				if code != want || !strings.Contains(stderr, tc.hidden) || strings.Contains(stderr, email) {
					t.Errorf("%s: exit %d, want %d and %q: %s", command[0], code, want, tc.hidden, stderr)
				}
			}
			var invitations int
			err := s.pool.QueryRow(t.Context(), "select count(*) from logto.organization_invitations where id = 'invitation01'").Scan(&invitations)
			if kept := tc.hidden != "" || tc.invitee == "drop"; err != nil || invitations > 0 != kept {
				t.Errorf("%d invitations are stored, error %v", invitations, err)
			}
		})
	}
}

func second(_ string, err error) error { return err }

// privacyYAML is the part of a configuration with the rules on two columns.
func privacyYAML(key, email, invitee string) string {
	text := "\nprivacy:\n  key: " + key + "\n  tables:\n    users: {avatar: drop"
	if email != "" {
		text += ", primary_email: " + email
	}
	text += "}\n"
	if invitee != "" {
		text += "    organization_invitations: {invitee: " + invitee + "}\n"
	}
	return text
}
