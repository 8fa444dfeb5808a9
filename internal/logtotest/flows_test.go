package logtotest_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"logto-syncer/internal/logtotest"
)

// TestWhatAnEndUserDoesLeavesAuditLogsAndEvents runs each flow and looks at what
// it left: in /api/logs about the user, and in the hook.
func TestWhatAnEndUserDoesLeavesAuditLogsAndEvents(t *testing.T) {
	t.Parallel()
	const flowed = "application applicationId createdAt data event hookId interactionEvent ip sessionId userAgent"
	const ended = "application createdAt event hookId interactionEvent sessionId user userAgent userId userIp"
	for _, c := range []struct {
		name   string
		do     func(tenant *logtotest.Tenant, user string) (string, error)
		audit  string
		events map[string]string // and the fields of their bodies
	}{
		{
			name: "signing up",
			do: func(tenant *logtotest.Tenant, _ string) (string, error) {
				return tenant.SignUp(logtotest.Row{"primary_email": "new@org1.example"})
			},
			audit: "ExchangeTokenBy.AuthorizationCode Interaction.End Interaction.Register.Submit",
			events: map[string]string{
				"User.Created": flowed, "PostRegister": ended,
				"Organization.Membership.Updated": "addedUserIds application applicationId createdAt event hookId interactionEvent ip organizationId sessionId userAgent",
			},
		},
		{
			name: "signing in",
			do: func(tenant *logtotest.Tenant, user string) (string, error) {
				return user, tenant.SignIn(user)
			},
			audit:  "ExchangeTokenBy.AuthorizationCode Interaction.End Interaction.SignIn.Submit Interaction.SignIn.Verification.Password.Submit",
			events: map[string]string{"PostSignIn": ended},
		},
		{
			name: "resetting a password",
			do: func(tenant *logtotest.Tenant, user string) (string, error) {
				return user, tenant.ResetPassword(user)
			},
			audit:  "Interaction.End Interaction.ForgotPassword.Submit",
			events: map[string]string{"PostResetPassword": ended, "User.Data.Updated": flowed},
		},
		{
			name: "editing the account",
			do: func(tenant *logtotest.Tenant, user string) (string, error) {
				return user, tenant.EditAccount(user, logtotest.Row{"name": "Other"})
			},
			events: map[string]string{"User.Data.Updated": "createdAt data event hookId ip userAgent"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tenant, s, logs := hooked(t, "1.42", "PostRegister", "PostSignIn", "PostResetPassword", "User.Created", "User.Data.Updated",
				"Organization.Membership.Updated")
			before := tenant.Now()
			user, err := c.do(tenant, insert(t, tenant, "users", logtotest.Row{"created_at": before.AddDate(-1, 0, 0)}))
			must(t, err)
			rows := logs()
			for _, r := range rows {
				key := strings.TrimPrefix(r["key"].(string), "TriggerHook.")
				if got := strings.Join(slices.Sorted(maps.Keys(bodyOf(r))), " "); got != c.events[key] {
					t.Errorf("%s has %s\nwant %s", key, got, c.events[key])
				}
			}
			if got, want := keysOf(rows), strings.Join(slices.Sorted(maps.Keys(c.events)), " "); got != want {
				t.Errorf("the hook was told of %q, want %q", got, want)
			}
			got := ask(t, s, http.MethodGet, "/api/logs?userId="+user, token(t, s, "all"))
			var keys []string
			for _, e := range got.body.([]any) {
				keys = append(keys, e.(map[string]any)["key"].(string))
			}
			slices.Sort(keys)
			if strings.Join(keys, " ") != c.audit {
				t.Errorf("audit logs %v, want %s", keys, c.audit)
			}
		})
	}
}
