package main

import (
	"context"
	"fmt"
	"strings"

	"logto-syncer/internal/changes"
	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
)

const hookHint = "in Logto's Console, under Webhooks, make one with all of User.*, Role.*, Scope.*, Organization.*, OrganizationRole.* and OrganizationScope.*; " +
	"its address need not exist (docs/fresh.md)"

// webhookEvents says which events of changes no enabled webhook of the tenant delivers,
// so that a job with read: changes does not follow what they tell.
func (c *checks) webhookEvents(ctx context.Context, t config.Tenant, client *logto.Client) {
	page, err := client.List(ctx, "/hooks", nil)
	if err != nil {
		c.bad("webhook", t.Name, err, "")
		return
	}
	var hooks []changes.Hook
	for _, item := range page.Items {
		h, err := changes.DecodeHookItem(item)
		if err != nil {
			c.bad("webhook", t.Name, err, "")
			return
		}
		hooks = append(hooks, h)
	}
	missing := changes.UnsubscribedEvents(hooks)
	if len(missing) == 0 {
		c.ok("webhook", t.Name, "tells of all changes that have an event")
		return
	}
	c.add(checkLine{
		Check: "webhook", Tenant: t.Name, OK: true, Hint: hookHint,
		Detail: fmt.Sprintf("none tells of %s", strings.Join(missing, ", ")),
	})
}
