package changes

import (
	"encoding/json"
	"fmt"
	"slices"
)

// A Hook is a webhook, as far as it tells of changes.
type Hook struct {
	Events []string `json:"events"`
	// Enabled is false where the server does not send it, too: a webhook that may
	// deliver nothing is not relied on.
	Enabled bool `json:"enabled"`
}

// DecodeHookItem decodes a webhook as the API sent it. The error quotes none of it.
func DecodeHookItem(value []byte) (h Hook, err error) {
	if err := json.Unmarshal(value, &h); err != nil {
		return Hook{}, fmt.Errorf("decode a webhook: %T", err)
	}
	return h, nil
}

// UnsubscribedEvents returns the events of the rules that no enabled one of the webhooks
// delivers, in the order of the rules.
func UnsubscribedEvents(hooks []Hook) (events []string) {
	for _, r := range rules {
		for _, event := range r.Events {
			told := slices.ContainsFunc(hooks, func(h Hook) bool { return h.Enabled && slices.Contains(h.Events, event) })
			if !told && !slices.Contains(events, event) {
				events = append(events, event)
			}
		}
	}
	return events
}
