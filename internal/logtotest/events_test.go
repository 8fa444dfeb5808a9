package logtotest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

const dataHook = "datahook0000000000001"

// hooked starts a server of a version with a hook for some events.
func hooked(t *testing.T, version string, events ...string) (tenant *logtotest.Tenant, s *logtotest.Server, logs func() []map[string]any) {
	t.Helper()
	tenant = logtotest.Generate(logtotest.Options{Users: 20, Organizations: 3, Version: version})
	hook(t, tenant, dataHook, events...)
	s = start(t, tenant, logtotest.WithVersion(version))
	bearer, seen := token(t, s, "all"), map[string]bool{}
	return tenant, s, func() []map[string]any {
		tenant.AdvanceClock(time.Minute)
		return newHookLogs(t, s, bearer, dataHook, seen)
	}
}

// bodyOf is what a hook was sent, by its log row.
func bodyOf(row map[string]any) map[string]any {
	body, _ := row["payload"].(map[string]any)["hookRequest"].(map[string]any)["body"].(map[string]any)
	return body
}

func keysOf(rows []map[string]any) string {
	var keys []string
	for _, r := range rows {
		keys = append(keys, strings.TrimPrefix(r["key"].(string), "TriggerHook."))
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyEventsThatAHookWantsAndTheVersionHasAreLogged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, version, events, want string
		disabled                    bool
	}{
		{name: "wanted", version: "1.42", events: "User.Deleted User.Created", want: "User.Created User.Deleted"},
		{name: "not wanted", version: "1.42", events: "User.Deleted Role.Created", want: "User.Deleted"},
		{name: "disabled", version: "1.42", events: "User.Deleted User.Created", disabled: true},
		{name: "before data events", version: "1.16", events: "User.Created PostSignIn PostRegister", want: "PostSignIn"},
		{name: "the first data events", version: "1.17", events: "User.Created PostSignIn", want: "PostSignIn User.Created"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tenant, _, logs := hooked(t, c.version, strings.Fields(c.events)...)
			must(t, tenant.DirectSQL().Update("hooks", dataHook, logtotest.Row{"enabled": !c.disabled}))
			user, err := tenant.CreateUser(logtotest.Row{})
			must(t, err)
			must(t, tenant.SignIn(user))
			must(t, tenant.DeleteUser(user))
			if got := keysOf(logs()); got != c.want {
				t.Errorf("logged %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnEventCarriesWhatItsVersionTells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version                         string
		deletedUser, deltas, acceptance bool
		token                           string
	}{
		{version: "1.17", token: "t"},
		{version: "1.18", deletedUser: true, token: "t"},
		{version: "1.24", deletedUser: true, acceptance: true, token: "t"},
		{version: "1.39", deletedUser: true, acceptance: true, token: "t"},
		{version: "1.40", deletedUser: true, acceptance: true, deltas: true, token: "t"},
		{version: "1.42", deletedUser: true, acceptance: true, deltas: true, token: "******"},
	} {
		t.Run(c.version, func(t *testing.T) {
			t.Parallel()
			tenant, _, logs := hooked(t, c.version, "User.Created", "User.Deleted", "Organization.Membership.Updated")
			user, err := tenant.CreateUser(logtotest.Row{"custom_data": logtotest.Row{
				"a": []any{logtotest.Row{"token": "t", "password": "p", "aScript": "s"}},
			}})
			must(t, err)
			created := bodyOf(logs()[0])["data"].(map[string]any)["customData"].(map[string]any)["a"].([]any)[0].(map[string]any)
			if _, script := created["aScript"]; created["token"] != c.token || created["password"] != "******" || script == (c.version == "1.42") {
				t.Errorf("the log has %v", created)
			}
			org := tenant.IDs("organizations")[0]
			must(t, tenant.AddMember(org, user))
			joined := bodyOf(logs()[0])
			if ids, listed := joined["addedUserIds"].([]any); joined["organizationId"] != org || listed != c.deltas || listed && ids[0] != user {
				t.Errorf("who joins: %v", joined)
			}
			must(t, tenant.DeleteUser(user))
			deleted := logs()
			if _, carried := bodyOf(deleted[0])["data"]; len(deleted) != 1 || carried != c.deletedUser {
				t.Errorf("the deletion of a member: %v", deleted)
			}
			if accepted := acceptAny(t, tenant, logs); (len(accepted) > 0) != c.acceptance {
				t.Errorf("accepting an invitation left %v", accepted)
			}
		})
	}
}

// acceptAny accepts a new invitation with an organization role.
func acceptAny(t *testing.T, tenant *logtotest.Tenant, logs func() []map[string]any) []map[string]any {
	t.Helper()
	user, err := tenant.DirectSQL().Insert("users", logtotest.Row{})
	must(t, err)
	org, role := tenant.IDs("organizations")[1], tenant.IDs("organization_roles")[0]
	invitation, err := tenant.CreateInvitation(org, "who@example.com", nil)
	must(t, err)
	_, err = tenant.Insert("organization_invitation_role_relations",
		logtotest.Row{"organization_invitation_id": invitation, "organization_role_id": role})
	must(t, err)
	must(t, tenant.AcceptInvitation(invitation, user))
	if err := tenant.AddMemberRole(org, user, role); err == nil {
		t.Error("who accepts is no member with the invitation's role")
	}
	return logs()
}

func TestWhatNoEventTellsLeavesNoHookLog(t *testing.T) {
	t.Parallel()
	tenant, _, logs := hooked(t, "1.42", recordedEvents(readLines[action](t, "testdata/feed.jsonl", 48))...)
	users, orgs, roles := tenant.IDs("users"), tenant.IDs("organizations"), tenant.IDs("roles")
	must(t, tenant.UpdateUser(users[0], logtotest.Row{"mfa_verifications": []any{}}))
	must(t, tenant.UpdateUser(users[0], logtotest.Row{"is_password_expired": true}))
	_, err := tenant.Insert("hooks", logtotest.Row{"name": "another", "config": logtotest.Row{"url": "http://127.0.0.1:9"}})
	must(t, err)
	app := tenant.IDs("applications")[1]
	must(t, tenant.UpdateApplication(app, logtotest.Row{"name": "renamed"}))
	must(t, tenant.DeleteApplication(app)) // a member of organizations
	sql := tenant.DirectSQL()
	must(t, sql.Update("users", users[0], logtotest.Row{"name": "by SQL"}))
	must(t, sql.Update("organizations", orgs[0], logtotest.Row{"name": "by SQL"}))
	must(t, sql.Delete("organizations", orgs[1]))
	must(t, sql.Delete("users", users[1]))
	must(t, sql.Delete("roles", roles[len(roles)-1]))
	if got := logs(); len(got) > 0 {
		t.Errorf("left %v", got)
	}
	must(t, tenant.DeleteOrganization(orgs[0])) // and what cascades from it
	if got := keysOf(logs()); got != "Organization.Deleted" {
		t.Errorf("the deletion of an organization with members left %q", got)
	}
}

func TestADeliveryIsLoggedWhenItHasEnded(t *testing.T) {
	t.Parallel()
	tenant, s, _ := hooked(t, "1.42", "User.Created")
	tenant.SetDeliveryLogDelay(2*time.Second, 10*time.Second)
	bearer, seen := token(t, s, "all"), map[string]bool{}
	for i := range 20 {
		_, err := tenant.CreateUser(logtotest.Row{"username": fmt.Sprintf("u%02d", i)})
		must(t, err)
	}
	if early := newHookLogs(t, s, bearer, dataHook, seen); len(early) > 0 || tenant.Count("logs") != len(tenant.Rows("logs")) {
		t.Errorf("before any delivery ended: %v", early)
	}
	tenant.AdvanceClock(6 * time.Second)
	some := len(newHookLogs(t, s, bearer, dataHook, map[string]bool{}))
	tenant.AdvanceClock(6 * time.Second)
	rows := newHookLogs(t, s, bearer, dataHook, seen)
	if some == 0 || some == 20 || len(rows) != 20 {
		t.Fatalf("%d rows after 6 s, %d after 12 s; want some and 20", some, len(rows))
	}
	var order []string
	for _, r := range rows {
		fired, err := time.Parse(time.RFC3339, bodyOf(r)["createdAt"].(string))
		must(t, err)
		written, _ := r["createdAt"].(json.Number).Int64()
		if late := time.UnixMilli(written).Sub(fired); late < 2*time.Second || late > 11*time.Second {
			t.Errorf("a row was written %s after its event", late)
		}
		order = append(order, bodyOf(r)["data"].(map[string]any)["username"].(string))
	}
	if slices.IsSorted(order) {
		t.Error("the rows come in the order of the events")
	}
}

func TestRecentLogsTakeAWindowAsTheirVersionDoes(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"1.39": "2 2 2 2", "1.40": "3 1 0 2", "1.42": "4 2 1 2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			tenant, s, _ := hooked(t, version, "User.Created")
			bearer := token(t, s, "all")
			now := tenant.Now().Truncate(time.Millisecond)
			for i, ago := range []time.Duration{time.Hour, 2 * time.Hour, 48 * time.Hour, 72 * time.Hour} {
				insert(t, tenant, "logs", logtotest.Row{
					"key": "TriggerHook.User.Created", "created_at": now.Add(-ago),
					"payload": logtotest.Row{"key": "TriggerHook.User.Created", "hookId": dataHook, "n": i},
				})
			}
			at := func(ago time.Duration) string { return strconv.FormatInt(now.Add(-ago).UnixMilli(), 10) }
			var totals []string
			for _, window := range []string{
				"start_time=" + at(72*time.Hour), "start_time=" + at(2*time.Hour), "start_time=" + at(2*time.Hour) + "&end_time=" + at(90*time.Minute), "",
			} {
				got := ask(t, s, http.MethodGet, "/api/hooks/"+dataHook+"/recent-logs?page=1&page_size=1&"+window, bearer)
				totals = append(totals, got.header.Get("Total-Number"))
			}
			if got := strings.Join(totals, " "); got != want {
				t.Errorf("totals %s, want %s", got, want)
			}
			if all := ask(t, s, http.MethodGet, "/api/logs?page_size=100", bearer); strings.Contains(all.raw, "TriggerHook") {
				t.Error("/api/logs lists hook logs")
			}
		})
	}
}

func TestAnEventListsAtMost5000Members(t *testing.T) {
	t.Parallel()
	tenant, _, logs := hooked(t, "1.42", "Organization.Membership.Updated")
	var users []string
	for range 5001 {
		users = append(users, insert(t, tenant, "users", logtotest.Row{}))
	}
	org := tenant.IDs("organizations")[0]
	must(t, tenant.ReplaceMembers(org, users...))
	body := bodyOf(logs()[0])
	if added := body["addedUserIds"].([]any); len(added) != 5000 {
		t.Errorf("%d of 5001 ids", len(added))
	}
	must(t, tenant.ReplaceMembers(org, users...))
	if body := bodyOf(logs()[0]); body["addedUserIds"] != nil || body["removedUserIds"] != nil {
		t.Errorf("nobody joined or left: %v", body)
	}
}

func TestLogtoCloudForgetsOldLogs(t *testing.T) {
	t.Parallel()
	tenant, _, _ := hooked(t, "1.42")
	tenant.PruneLogs(14 * 24 * time.Hour)
	oldest := tenant.Now()
	for _, r := range tenant.Rows("logs") {
		if at, err := time.Parse(time.RFC3339, r["created_at"].(string)); err == nil && at.Before(oldest) {
			oldest = at
		}
	}
	if age := tenant.Now().Sub(oldest); age > 15*24*time.Hour || tenant.Count("logs") == 0 {
		t.Errorf("the oldest of %d rows is %s old", tenant.Count("logs"), age)
	}
}
