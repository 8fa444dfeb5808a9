package changes_test

import (
	"slices"
	"testing"

	"logto-syncer/internal/changes"
)

func TestAWebhookThatMayBeDisabledTellsNothing(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		`{"events":["User.Created"],"enabled":true}`:  false,
		`{"events":["User.Created"],"enabled":false}`: true,
		`{"events":["User.Created"]}`:                 true,
	} {
		h, err := changes.DecodeHookItem([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(changes.UnsubscribedEvents([]changes.Hook{h}), "User.Created"); got != want {
			t.Errorf("%s: User.Created is untold: %t, want %t", value, got, want)
		}
	}
}
