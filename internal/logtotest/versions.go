package logtotest

// A versionChange says what came with one version of Logto. The fields are lists of
// words: routes as in routes, columns as table.column, parameters by name.
type versionChange struct {
	version    string
	routes     string // paths that did not exist before
	unpaged    string // lists that come whole since, when asked without page and page_size
	columns    string // fields that items did not have before
	parameters string // query parameters that were ignored before
	events     string // of webhooks that were not fired before
	behavior   behavior
}

// A behavior is something the server does differently since a release.
type behavior string

const (
	managementRole    behavior = "a new tenant has the role Logto Management API access"
	orderedMembers    behavior = "users of an organization come by id"
	inclusiveWindow   behavior = "start_time and end_time include their own millisecond"
	hiddenPlaceholder behavior = "an application does not show the placeholder in place of its secret"
	deletedUserData   behavior = "User.Deleted carries the user"
	invitationMembers behavior = "accepting an invitation fires Organization.Membership.Updated"
	membershipDeltas  behavior = "Organization.Membership.Updated lists who was added and removed"
	sanitizedLogs     behavior = "logs mask every secret in what was sent to a hook, not passwords alone"
)

// versionChanges is everything the simulation knows of the differences between
// versions; routes, fields, parameters and behavior of a server follow from it.
// What is not named here is as old as 1.16, the oldest version.
func versionChanges() []versionChange {
	const jit = "organizations/*/jit/"
	return []versionChange{
		{version: "1.17", columns: "roles.is_default", events: "User.Created User.Deleted User.Data.Updated User.SuspensionStatus.Updated " +
			"Role.Created Role.Deleted Role.Data.Updated Role.Scopes.Updated Scope.Created Scope.Deleted Scope.Data.Updated " +
			"Organization.Created Organization.Deleted Organization.Data.Updated Organization.Membership.Updated " +
			"OrganizationRole.Created OrganizationRole.Deleted OrganizationRole.Data.Updated OrganizationRole.Scopes.Updated " +
			"OrganizationScope.Created OrganizationScope.Deleted OrganizationScope.Data.Updated"},
		{version: "1.17", behavior: managementRole},
		{version: "1.18", routes: "organizations/*/applications organizations/*/applications/*/roles applications/*/organizations " +
			jit + "email-domains " + jit + "roles " + jit + "sso-connectors"},
		{version: "1.18", columns: "organizations.is_mfa_required organization_roles.type", behavior: deletedUserData},
		{version: "1.19", routes: "applications/*/secrets", columns: "applications.custom_data organizations.branding"},
		{version: "1.20", routes: "users/*/personal-access-tokens", columns: "users.has_password"},
		{version: "1.24", routes: "saml-applications", behavior: invitationMembers},
		{version: "1.25", routes: "email-templates email-templates/*"},
		{version: "1.25", unpaged: "organization-scopes organization-roles/*/scopes organization-roles/*/resource-scopes"},
		{version: "1.27", routes: "one-time-tokens"},
		{version: "1.29", columns: "user_sso_identities.updated_at"},
		{version: "1.30", routes: "users/*/all-identities", columns: "connectors.enable_token_storage sso_connectors.enable_token_storage"},
		{version: "1.31", routes: "custom-profile-fields"},
		{version: "1.32", columns: "organizations.color organizations.custom_css"},
		{version: "1.36", unpaged: jit + "email-domains"},
		{version: "1.38", routes: "users/*/sessions users/*/grants"},
		{version: "1.40", parameters: "start_time end_time enableCap", behavior: orderedMembers},
		{version: "1.40", behavior: membershipDeltas},
		{version: "1.41", columns: "applications.app_level_access_control_enabled", parameters: "organizationRoleId"},
		{version: "1.42", behavior: inclusiveWindow},
		{version: "1.42", behavior: hiddenPlaceholder},
		{version: "1.42", behavior: sanitizedLogs},
		{version: "1.43", columns: "users.cimd_client_id"},
	}
}

// Oldest is the first version of Logto that is simulated.
const Oldest = "1.16"

// Newest is the last version of Logto that is simulated, and the default.
const Newest = "1.43"
