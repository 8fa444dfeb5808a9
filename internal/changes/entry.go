package changes

import (
	"encoding/json"
	"fmt"
	"time"
)

// An FeedEntry is an entry of a feed: of the audit log, or of the deliveries of a
// webhook.
type FeedEntry struct {
	ID        string
	CreatedAt time.Time
	key       string
	payload   entryPayload
}

// hookKeyPrefix leads the keys of entries about deliveries, before the event.
const hookKeyPrefix = "TriggerHook."

type entryPayload struct {
	UserID      string `json:"userId"`
	HookRequest struct {
		Body delivery `json:"body"`
	} `json:"hookRequest"`
}

// delivery is the body of a delivery, as far as it says what has changed. Values
// that look like secrets are blanked in it.
type delivery struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
	// Params are those of the route of the Management API that made the change.
	Params       map[string]any `json:"params"`
	MatchedRoute string         `json:"matchedRoute"`
	UserID       string         `json:"userId"`
	User         struct {
		ID string `json:"id"`
	} `json:"user"`
	RoleID                string   `json:"roleId"`
	OrganizationID        string   `json:"organizationId"`
	AddedUserIDs          []string `json:"addedUserIds"`
	RemovedUserIDs        []string `json:"removedUserIds"`
	AddedApplicationIDs   []string `json:"addedApplicationIds"`
	RemovedApplicationIDs []string `json:"removedApplicationIds"`
}

// DecodeFeedEntry decodes an entry as the API sent it. The error quotes none of it.
func DecodeFeedEntry(value []byte) (FeedEntry, error) {
	var raw struct {
		ID        string       `json:"id"`
		Key       string       `json:"key"`
		CreatedAt float64      `json:"createdAt"`
		Payload   entryPayload `json:"payload"`
	}
	if err := json.Unmarshal(value, &raw); err != nil {
		return FeedEntry{ID: raw.ID}, fmt.Errorf("decode an entry of a log: %T", err)
	}
	if raw.ID == "" || raw.CreatedAt == 0 {
		return FeedEntry{}, fmt.Errorf("decode an entry of a log: it has no id or no createdAt")
	}
	return FeedEntry{ID: raw.ID, CreatedAt: time.UnixMilli(int64(raw.CreatedAt)), key: raw.Key, payload: raw.Payload}, nil
}

// paramOrDataID returns a parameter of the route, or else the id of the data, or else
// the alternative. The data of some events are a part of the item only, whose
// own field "id" may be anything.
func (d delivery) paramOrDataID(name, alternative string) string {
	if id, ok := d.Params[name].(string); ok && id != "" {
		return id
	}
	if alternative != "" {
		return alternative
	}
	var item struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(d.Data, &item) != nil {
		return ""
	}
	return item.ID
}
