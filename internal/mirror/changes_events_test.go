package mirror_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/changes"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/state"
)

// followed is a mirror whose tenant has been proved, and is followed since.
type followed struct {
	*bench
	tenant                           *logtotest.Tenant
	user, other, role, resource      string
	scope, organization, orgRole     string
	orgScope, application, otherRole string
	version                          string
	stepsOfARun                      int // requests and statements of a run of changes; see breakOff
}

// follow mirrors a generated tenant of a version and gives it one of everything.
func follow(t *testing.T, version string) *followed {
	t.Helper()
	tenant := logtotest.Generate(logtotest.Options{Users: 30, Organizations: 6, Seed: 7, Version: version})
	b := setup(t, tenant)
	b.server.SetVersion(version)
	b.client = client(t, b.server)
	f := &followed{bench: b, tenant: tenant, version: version}
	f.user, f.other = f.insert(t, "users", logtotest.Row{"name": "one"}), f.insert(t, "users", logtotest.Row{"name": "other"})
	f.role = f.insert(t, "roles", logtotest.Row{"name": "followed", "type": "User", "description": "d"})
	f.otherRole = f.insert(t, "roles", logtotest.Row{"name": "machine", "type": "MachineToMachine", "description": "d"})
	f.resource = f.insert(t, "resources", logtotest.Row{"name": "followed", "indicator": "https://followed.example"})
	f.scope = f.insert(t, "scopes", logtotest.Row{"name": "read", "resource_id": f.resource})
	f.organization = f.insert(t, "organizations", logtotest.Row{"name": "followed"})
	f.orgRole = f.insert(t, "organization_roles", logtotest.Row{"name": "followed", "type": "User"})
	f.orgScope = f.insert(t, "organization_scopes", logtotest.Row{"name": "followed"})
	f.application = f.insert(t, "applications", logtotest.Row{"name": "followed", "type": "MachineToMachine"})
	tenant.AdvanceClock(time.Hour) // a webhook made a moment ago does not count
	f.prove(t)
	f.changesButFor(t)
	return f
}

func (f *followed) insert(t *testing.T, table string, row logtotest.Row) string {
	t.Helper()
	id, err := f.tenant.Insert(table, row)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// prove runs the job.
func (f *followed) prove(t *testing.T) {
	t.Helper()
	r := *f.runner
	r.Client = client(t, f.server)
	s, err := r.Run(t.Context(), f.job)
	if err != nil || s.Status != state.Succeeded {
		t.Fatalf("%v: %s", err, s.Status)
	}
}

// changesButFor runs the job for changes, after what was delivered has been
// logged. Of the lists that are read in rotation, it is a small one's turn that
// does not change.
func (f *followed) changesButFor(t *testing.T) mirror.Summary {
	t.Helper()
	f.tenant.AdvanceClock(time.Minute)
	for _, r := range changes.FollowRules() {
		until := time.Now().Add(24 * time.Hour)
		if r.Listing == "sso_connectors" {
			until = time.Unix(0, 0)
		}
		_, err := f.pool.Exec(t.Context(), `insert into syncer.feed_positions (tenant_id, source, read_until, run_id) values ($1, $2, $3, 0)
on conflict (tenant_id, source) do update set read_until = excluded.read_until`, f.job.Tenant, "list:"+r.Listing, until)
		if err != nil {
			t.Fatal(err)
		}
	}
	return f.changes(t)
}

// differ returns which tables differ between mirror and tenant.
func (f *followed) differ(t *testing.T) (tables []string) {
	t.Helper()
	for _, table := range f.tables() {
		if f.version == "1.20" && table == "custom_profile_fields" {
			continue // the server has none yet
		}
		diff, err := mirrortest.NewServerSnapshot(f.server).Diff(t.Context(), f.pool, f.job.Tenant, table)
		if err != nil {
			t.Fatal(err)
		}
		if diff != "" {
			tables = append(tables, table)
		}
	}
	return tables
}

// gaps returns the listings that a run left a gap in.
func gaps(s mirror.Summary) (out []string) {
	for _, f := range s.Followed {
		if f.Gap != "" {
			out = append(out, f.Listing+": "+f.Gap)
		}
	}
	return out
}

// tellings are what a tenant does that events or the audit log tell of, in order.
func (f *followed) tellings() []telling {
	tenant, row := f.tenant, func(name string) logtotest.Row { return logtotest.Row{"name": name} }
	var made string
	keep := func(id string, err error) error { made = id; return err }
	return []telling{
		{"User.Created", func() error { return keep(tenant.CreateUser(row("created"))) }},
		{"User.Data.Updated", func() error { return tenant.UpdateUser(f.user, row("updated")) }},
		{"User.Data.Updated of custom data", func() error {
			return tenant.UpdateUser(f.user, logtotest.Row{"custom_data": logtotest.Row{"id": "x"}})
		}},
		{"User.Data.Updated through the account API", func() error { return tenant.EditAccount(f.user, row("edited")) }},
		{"User.SuspensionStatus.Updated", func() error { return tenant.UpdateUser(f.user, logtotest.Row{"is_suspended": true}) }},
		{"User.Deleted", func() error { return tenant.DeleteUser(made) }},
		{"PostSignIn and Interaction.SignIn.Submit", func() error { return tenant.SignIn(f.other) }},
		{"PostResetPassword and Interaction.ForgotPassword.Submit", func() error { return tenant.ResetPassword(f.other) }},
		{"Role.Data.Updated", func() error { return tenant.UpdateRole(f.role, row("updated")) }},
		{"Role.Scopes.Updated by a grant", func() error {
			_, err := tenant.Insert("roles_scopes", logtotest.Row{"role_id": f.role, "scope_id": f.scope})
			return err
		}},
		{"Role.Scopes.Updated by a removal", func() error {
			return tenant.Unlink("roles_scopes", logtotest.Row{"role_id": f.role, "scope_id": f.scope})
		}},
		{"Role.Created", func() error {
			return keep(tenant.CreateRole(logtotest.Row{"name": "created", "type": "User", "description": ""}))
		}},
		{"Role.Deleted", func() error { return tenant.DeleteRole(made) }},
		{"Scope.Created", func() error { return keep(tenant.CreateScope(f.resource, row("created"))) }},
		{"Scope.Data.Updated", func() error { return tenant.Update("scopes", made, row("updated")) }},
		{"Scope.Deleted", func() error { return tenant.DeleteScope(made) }},
		{"Organization.Created", func() error { return keep(tenant.CreateOrganization(row("created"))) }},
		{"Organization.Data.Updated", func() error { return tenant.UpdateOrganization(f.organization, row("updated")) }},
		{"Organization.Membership.Updated by members", func() error { return tenant.AddMembers(f.organization, f.user, f.other) }},
		{"Organization.Membership.Updated by one who leaves", func() error { return tenant.RemoveMember(f.organization, f.user) }},
		{"Organization.Membership.Updated by a replacement", func() error { return tenant.ReplaceMembers(f.organization, f.user) }},
		{"Organization.Deleted", func() error { return tenant.DeleteOrganization(made) }},
		{"OrganizationRole.Created", func() error {
			return keep(tenant.Insert("organization_roles", logtotest.Row{"name": "created", "type": "User"}))
		}},
		{"OrganizationRole.Data.Updated", func() error { return tenant.Update("organization_roles", made, row("updated")) }},
		{"OrganizationRole.Scopes.Updated", func() error {
			_, err := tenant.Insert("organization_role_scope_relations", logtotest.Row{"organization_role_id": f.orgRole, "organization_scope_id": f.orgScope})
			return err
		}},
		{"OrganizationRole.Deleted", func() error { return tenant.Delete("organization_roles", made) }},
		{"OrganizationScope.Created", func() error { return keep(tenant.Insert("organization_scopes", row("created"))) }},
		{"OrganizationScope.Data.Updated", func() error { return tenant.Update("organization_scopes", made, row("updated")) }},
		{"OrganizationScope.Deleted", func() error { return tenant.Delete("organization_scopes", made) }},
	}
}

// telling is something that a tenant does.
type telling struct {
	event string
	do    func() error
}

func TestWhatAnEventTellsIsPublished(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.20", "1.39", "1.41", logtotest.Newest} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			f := follow(t, version)
			for _, telling := range f.tellings() {
				if err := telling.do(); err != nil {
					t.Fatalf("%s: %v", telling.event, err)
				}
				s := f.changesButFor(t)
				if different, open := f.differ(t), gaps(s); different != nil || open != nil {
					t.Fatalf("%s: %v differ, and there are gaps %v, after %+v", telling.event, different, open, s.Changed)
				}
				if len(s.Changed) == 0 {
					t.Errorf("%s: nothing was published", telling.event)
				}
			}
		})
	}
}

func TestApplicationsThatJoinAnOrganizationArePublishedSinceTheEventNamesThem(t *testing.T) {
	t.Parallel()
	join := func(f *followed) error {
		_, err := f.tenant.Insert("organization_application_relations", logtotest.Row{"organization_id": f.organization, "application_id": f.application})
		return err
	}
	f := follow(t, "1.40")
	if err := join(f); err != nil {
		t.Fatal(err)
	}
	if s := f.changesButFor(t); f.differ(t) != nil || gaps(s) != nil {
		t.Errorf("%v differ, gaps %v", f.differ(t), gaps(s))
	}
	f = follow(t, "1.39")
	if err := join(f); err != nil {
		t.Fatal(err)
	}
	if s := f.changesButFor(t); len(gaps(s)) != 1 || !strings.HasPrefix(gaps(s)[0], "organization_applications: ") {
		t.Errorf("before 1.40, gaps %v", gaps(s))
	}
	f.prove(t)
	if s := f.changesButFor(t); f.differ(t) != nil || gaps(s) != nil {
		t.Errorf("after a proof, %v differ, gaps %v", f.differ(t), gaps(s))
	}
}

func TestWhatNoEventTellsIsNotClaimedAndTheNextProofHasIt(t *testing.T) {
	t.Parallel()
	f := follow(t, logtotest.Newest)
	if err := f.tenant.AddMember(f.organization, f.user); err != nil {
		t.Fatal(err)
	}
	f.changesButFor(t)
	tenant := f.tenant
	insert := func(table string, row logtotest.Row) func() error {
		return func() error { _, err := tenant.Insert(table, row); return err }
	}
	for _, tc := range []struct {
		what, listing string
		tables        []string
		do            func() error
	}{
		{"a role is given", "user_roles", []string{"user_roles"}, func() error { return tenant.AssignRole(f.user, f.role) }},
		{
			"a role is given to an application", "application_roles",
			[]string{"application_roles"},
			insert("applications_roles", logtotest.Row{"application_id": f.application, "role_id": f.otherRole}),
		},
		{
			"a role in an organization is given", "organization_users",
			[]string{"organization_user_roles"},
			func() error { return tenant.AddMemberRole(f.organization, f.user, f.orgRole) },
		},
		{"an identity is set", "users", []string{"users", "user_identities"}, func() error {
			return tenant.DirectSQL().Update("users", f.user, logtotest.Row{"identities": logtotest.Row{"github": logtotest.Row{"userId": "g"}}})
		}},
		{"a resource is made", "resources", []string{"resources"}, insert("resources", logtotest.Row{"name": "x", "indicator": "https://x.example"})},
		{"an application is made", "applications", []string{"applications"}, insert("applications", logtotest.Row{"name": "x", "type": "SPA"})},
		{"somebody is invited", "organization_invitations", []string{"organization_invitations"}, func() error {
			_, err := tenant.CreateInvitation(f.organization, "x@example.com", logtotest.Row{})
			return err
		}},
		{
			"an organization role gets a permission of a resource", "organization_roles",
			[]string{"organization_role_resource_scopes"},
			insert("organization_role_resource_scope_relations", logtotest.Row{"organization_role_id": f.orgRole, "scope_id": f.scope}),
		},
		{"a user is changed by SQL", "users", []string{"users"}, func() error {
			return tenant.DirectSQL().Update("users", f.other, logtotest.Row{"name": "by SQL"})
		}},
	} {
		before := tenant.Now()
		if err := tc.do(); err != nil {
			t.Fatalf("%s: %v", tc.what, err)
		}
		s := f.changesButFor(t)
		different := f.differ(t)
		for _, table := range different {
			if !slices.Contains(tc.tables, table) {
				t.Errorf("%s: %s differs", tc.what, table)
			}
		}
		rule, followedAtAll := changes.FollowRuleFor(tc.listing)
		now := followedOf(s, tc.listing)
		switch {
		case different == nil: // the newest users are read again
			if tc.listing != "users" {
				t.Errorf("%s: it was published, what told of it?", tc.what)
			}
		case now != nil && now.Until.After(before) && rule.Untold == "" && len(rule.Events) == 0:
			t.Errorf("%s: it is claimed, until %s of %s", tc.what, now.Until, before)
		case !followedAtAll && now != nil:
			t.Errorf("%s: %+v", tc.what, now)
		}
		f.prove(t)
		if different := f.differ(t); different != nil {
			t.Errorf("%s: after a proof, %v differ", tc.what, different)
		}
	}
}

func TestListingsWithoutARuleAreThoseNothingTellsOf(t *testing.T) {
	t.Parallel()
	var without []string
	for _, l := range catalog.All() {
		if _, ok := changes.FollowRuleFor(l.Name); !ok {
			without = append(without, l.Name)
		}
	}
	want := []string{
		"user_roles", "application_roles", "organization_jit_email_domains", "organization_jit_roles", "organization_jit_sso_connectors",
		"user_sso_identities", "user_mfa_verifications", "personal_access_tokens", "logs",
	}
	if diff := cmp.Diff(want, without); diff != "" {
		t.Errorf("listings without a rule (-want +got):\n%s", diff)
	}
}
