// Package changes knows what tells that something in a tenant has changed: which
// listing is followed by which events, and which items a delivery of a webhook or
// an entry of the audit log points at. It neither reads nor stores anything. An
// entry says that something changed, never what: the item itself is read again.
package changes

import "slices"

// What tells of changes, as in syncer.followed.
const (
	HookEvents  = "hook events"
	AuditLog    = "audit log"
	NewestUsers = "newest users"
	Count       = "count"
	WholeList   = "whole list"
)

// A FollowRule says how a listing is followed between two proofs.
type FollowRule struct {
	Listing string
	// Events of a webhook that together tell of its changes; nil: none does.
	Events []string
	// Since is the version of Logto from which on the events say enough; empty:
	// all do.
	Since string
	// Whole says that the list is read whole from time to time, if it fits one
	// request.
	Whole bool
	// Untold is what changes without any sign, in words.
	Untold string
}

// FollowRules returns the rules of all listings that are followed, in the order of the
// catalog. A listing without a rule is not followed: nothing tells of it.
func FollowRules() []FollowRule { return slices.Clone(rules) }

// FollowRuleFor returns the rule of a listing; ok is false where nothing tells of it.
func FollowRuleFor(listing string) (r FollowRule, ok bool) {
	i := slices.IndexFunc(rules, func(r FollowRule) bool { return r.Listing == listing })
	if i < 0 {
		return FollowRule{}, false
	}
	return rules[i], true
}

var rules = []FollowRule{
	{
		Listing: "users",
		Events:  []string{"User.Created", "User.Deleted", "User.Data.Updated", "User.SuspensionStatus.Updated"},
		Untold:  "social identities set by an administrator",
	},
	{
		Listing: "organizations",
		Events:  []string{"Organization.Created", "Organization.Deleted", "Organization.Data.Updated"},
	},
	{Listing: "applications", Whole: true},
	{Listing: "resources", Whole: true},
	{
		Listing: "roles", Whole: true,
		Events: []string{"Role.Created", "Role.Deleted", "Role.Data.Updated"},
	},
	{
		Listing: "organization_scopes", Whole: true,
		Events: []string{"OrganizationScope.Created", "OrganizationScope.Deleted", "OrganizationScope.Data.Updated"},
	},
	{
		Listing: "organization_roles", Whole: true,
		Events: []string{
			"OrganizationRole.Created", "OrganizationRole.Deleted", "OrganizationRole.Data.Updated", "OrganizationRole.Scopes.Updated",
		},
		Untold: "permissions of API resources, until the list is read whole",
	},
	{Listing: "sso_connectors", Whole: true},
	{Listing: "hooks", Whole: true},
	{Listing: "custom_profile_fields", Whole: true},
	{
		Listing: "role_scopes",
		Events:  []string{"Role.Created", "Role.Deleted", "Role.Scopes.Updated"},
		Untold:  "permissions that go with a deleted API resource, until resources are read whole",
	},
	{
		Listing: "organization_users",
		Events:  []string{"Organization.Membership.Updated"},
		Untold:  "roles of members",
	},
	{
		Listing: "organization_applications", Since: "1.40",
		Events: []string{"Organization.Membership.Updated"},
		Untold: "roles of applications",
	},
	{Listing: "organization_invitations", Whole: true},
}
