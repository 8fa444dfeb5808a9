package changes_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"logto-syncer/internal/changes"
)

// describe writes targets in one line.
func describe(t *changes.Targets) string {
	var parts []string
	for _, sets := range []struct {
		name string
		of   map[string]changes.IDSet
	}{{"", t.IDs}, {"below ", t.Parents}, {"members of ", t.Members}} {
		for _, name := range slices.Sorted(maps.Keys(sets.of)) {
			parts = append(parts, sets.name+name+" "+strings.Join(sets.of[name].Sorted(), " "))
		}
	}
	for _, name := range t.Whole.Sorted() {
		parts = append(parts, "all "+name)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Unclear)) {
		parts = append(parts, name+" is unclear")
	}
	return strings.Join(parts, ", ")
}

// What 48 actions on a real server left in the log of a webhook.
func TestRecordedDeliveriesPointAtWhatTheActionChanged(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../logtotest/testdata/feed.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := map[string]string{} // of ids
	var got []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line struct {
			Action   string            `json:"action"`
			Response json.RawMessage   `json:"response"`
			Logs     []json.RawMessage `json:"logs"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		var made struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(line.Response, &made)
		kind, isNew := strings.CutPrefix(line.Action, "create ")
		if isNew && made.ID != "" && names[made.ID] == "" {
			names[made.ID] = strings.ReplaceAll(kind, " ", "_")
		}
		targets := changes.NewTargets()
		for i, entry := range line.Logs {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(entry, &fields); err != nil {
				t.Fatal(err)
			}
			fields["id"] = fmt.Appendf(nil, `"%d"`, i) // the recording has none
			value, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			e, err := changes.DecodeFeedEntry(value)
			if err != nil {
				t.Fatal(err)
			}
			targets.Add(e)
		}
		got = append(got, line.Action+": "+describe(targets))
	}
	text := strings.Join(got, "\n")
	for id, name := range names {
		text = strings.ReplaceAll(text, id, name)
	}
	want, err := os.ReadFile("testdata/feed.txt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(want)) != text {
		t.Errorf("the actions point at\n%s", text)
	}
}

func TestAnEventOfAnotherVersionPointsAtWhatItNames(t *testing.T) {
	t.Parallel()
	hook := func(event, body string) string {
		return fmt.Sprintf(`{"id":"e","key":"TriggerHook.%s","createdAt":1,"payload":{"hookRequest":{"body":%s}}}`, event, body)
	}
	log := func(key, payload string) string {
		return fmt.Sprintf(`{"id":"e","key":%q,"createdAt":1,"payload":%s}`, key, payload)
	}
	many := `["` + strings.Repeat(`u","`, 4999) + `u"]`
	const members, applications = `"matchedRoute":"/organizations/:id/users"`, `"matchedRoute":"/organizations/:id/applications"`
	for name, tc := range map[string]struct{ entry, want string }{
		"a sign-up":                            {hook("PostRegister", `{"userId":"u","user":{"id":"u"}}`), "users u"},
		"a sign-in":                            {hook("PostSignIn", `{"user":{"id":"u"}}`), "users u"},
		"a password that is reset":             {hook("PostResetPassword", `{"userId":"u"}`), "users u"},
		"a user who edits the account":         {hook("User.Data.Updated", `{"data":{"id":"u"}}`), "users u"},
		"custom data with an id":               {hook("User.Data.Updated", `{"params":{"userId":"u"},"data":{"id":"x"}}`), "users u"},
		"a user without an id":                 {hook("User.Data.Updated", `{"data":{"plan":"a"}}`), "users is unclear"},
		"a role made with permissions":         {hook("Role.Scopes.Updated", `{"roleId":"r","data":[{"id":"s"}]}`), "below role_scopes r"},
		"members before 1.40":                  {hook("Organization.Membership.Updated", `{"organizationId":"o",`+members+`}`), "below organization_users o"},
		"applications before 1.40":             {hook("Organization.Membership.Updated", `{"organizationId":"o",`+applications+`}`), "organization_applications is unclear"},
		"single sign-on of old":                {hook("Organization.Membership.Updated", `{"organizationId":"o"}`), "below organization_users o, organization_applications is unclear"},
		"an invitation that is accepted":       {hook("Organization.Membership.Updated", `{"organizationId":"o","addedUserIds":["u"]}`), "members of o u"},
		"applications that leave":              {hook("Organization.Membership.Updated", `{"organizationId":"o","removedApplicationIds":["a"]}`), "below organization_applications a"},
		"more members than an event names":     {hook("Organization.Membership.Updated", `{"organizationId":"o","addedUserIds":`+many+`}`), "below organization_users o, members of o u"},
		"no organization":                      {hook("Organization.Membership.Updated", `{}`), "organization_applications is unclear, organization_users is unclear"},
		"an event of the future":               {hook("Application.Created", `{"data":{"id":"a"}}`), ""},
		"an interaction":                       {log("Interaction.SignIn.Submit", `{"userId":"u"}`), "users u"},
		"an interaction of nobody yet":         {log("Interaction.Create", `{}`), ""},
		"a token":                              {log("ExchangeTokenBy.RefreshToken", `{"userId":"u"}`), ""},
		"a delivery with another kind of body": {hook("User.Created", `{"params":[]}`), "error"},
	} {
		got := "error"
		if e, err := changes.DecodeFeedEntry([]byte(tc.entry)); err == nil {
			targets := changes.NewTargets()
			targets.Add(e)
			got = describe(targets)
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestAnEntryThatCannotBeDecodedIsNotQuoted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"id":"a","createdAt":1,"key":{"secret":1}}`, `{"key":"secret"}`, `secret`} {
		if _, err := changes.DecodeFeedEntry([]byte(text)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestEveryRuleIsOfItsOwnListing(t *testing.T) {
	t.Parallel()
	for _, r := range changes.FollowRules() {
		if got, ok := changes.FollowRuleFor(r.Listing); !ok || got.Listing != r.Listing {
			t.Errorf("the rule of %s is %v", r.Listing, got)
		}
		if !r.Whole && len(r.Events) == 0 {
			t.Errorf("nothing tells of %s", r.Listing)
		}
	}
	if _, ok := changes.FollowRuleFor("user_roles"); ok {
		t.Error("nothing tells who holds a role, and there is a rule")
	}
}
