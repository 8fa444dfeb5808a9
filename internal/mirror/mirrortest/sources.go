package mirrortest

import (
	"maps"
	"slices"
	"strings"

	"logto-syncer/internal/logtotest"
)

// rowMapping says how the rows of a table of the mirror follow from the tenant's.
type rowMapping struct {
	table  string
	unseen []string                             // columns no endpoint shows, or secrets
	rename map[string]string                    // the mirror's names of columns
	spread func(logtotest.Row) []map[string]any // rows of a nested table
	only   func(*TenantSnapshot, logtotest.Row) bool
	add    map[string]any // columns the tenant has none of
}

// mirrorRows returns what one row of the tenant is in the mirror.
func (s rowMapping) mirrorRows(tenant *TenantSnapshot, row logtotest.Row) []map[string]any {
	if s.only != nil && !s.only(tenant, row) {
		return nil
	}
	if s.spread != nil {
		return s.spread(row)
	}
	for _, column := range s.unseen {
		delete(row, column)
	}
	for from, to := range s.rename {
		row[to] = row[from]
		delete(row, from)
	}
	maps.Copy(row, s.add)
	return []map[string]any{row}
}

// extra is the column that is null when every field has a column of its own.
var extra = map[string]any{"extra": nil}

var sources = map[string]rowMapping{
	"users":                             {table: "users", spread: user},
	"user_identities":                   {table: "users", spread: identities},
	"organizations":                     {table: "organizations", unseen: []string{"is_trusted_device_allowed"}, add: extra},
	"applications":                      {table: "applications", unseen: []string{"secret"}, add: extra},
	"resources":                         {table: "resources", add: extra},
	"scopes":                            {table: "scopes", add: extra},
	"roles":                             {table: "roles", only: ofListedRole("id"), add: extra},
	"organization_scopes":               {table: "organization_scopes", add: extra},
	"organization_roles":                {table: "organization_roles", add: extra},
	"organization_role_scopes":          {table: "organization_role_scope_relations"},
	"organization_role_resource_scopes": {table: "organization_role_resource_scope_relations"},
	"sso_connectors":                    {table: "sso_connectors", spread: ssoConnector},
	"hooks":                             {table: "hooks", spread: hook},
	"custom_profile_fields":             {table: "custom_profile_fields", add: extra},
	"role_scopes":                       {table: "roles_scopes", only: ofListedRole("role_id")},
	"user_roles":                        {table: "users_roles", only: ofListedRole("role_id")},
	"application_roles":                 {table: "applications_roles", only: ofListedRole("role_id")},
	"organization_users":                {table: "organization_user_relations"},
	"organization_user_roles":           {table: "organization_role_user_relations"},
	"organization_applications":         {table: "organization_application_relations"},
	"organization_application_roles":    {table: "organization_role_application_relations"},
	"organization_invitations":          {table: "organization_invitations", add: extra},
	"organization_invitation_roles":     {table: "organization_invitation_role_relations"},
	"organization_jit_email_domains":    {table: "organization_jit_email_domains"},
	"organization_jit_roles":            {table: "organization_jit_roles"},
	"organization_jit_sso_connectors":   {table: "organization_jit_sso_connectors"},
	"user_sso_identities":               {table: "user_sso_identities", add: extra},
	"user_mfa_verifications":            {table: "users", spread: factors},
	"personal_access_tokens":            {table: "personal_access_tokens", unseen: []string{"value"}, add: extra},
	"logs":                              {table: "logs", only: isNonWebhookLog, add: extra},
}

// user is what /users shows: not the password, but whether there is one.
func user(row logtotest.Row) []map[string]any {
	row["has_password"] = row["password_updated_at"] != nil
	row["extra"] = nil
	for _, hidden := range []string{
		"identities", "is_password_expired", "logto_config", "mfa_verifications", "password_updated_at",
	} {
		delete(row, hidden)
	}
	return []map[string]any{row}
}

func identities(row logtotest.Row) []map[string]any {
	var out []map[string]any
	all, _ := row["identities"].(map[string]any)
	for target, value := range all {
		identity := value.(map[string]any)
		out = append(out, map[string]any{
			"user_id": row["id"], "target": target, "identity_user_id": identity["userId"], "details": identity["details"], "extra": nil,
		})
	}
	return out
}

func factors(row logtotest.Row) []map[string]any {
	var out []map[string]any
	all, _ := row["mfa_verifications"].([]any)
	for _, value := range all {
		f := value.(map[string]any)
		factor := map[string]any{
			"user_id": row["id"], "id": f["id"], "type": f["type"], "name": f["name"], "agent": f["agent"],
			"created_at": f["createdAt"], "last_used_at": f["lastUsedAt"], "remain_codes": nil, "extra": nil,
		}
		if codes, ok := f["codes"].([]any); ok {
			factor["remain_codes"] = float64(len(slices.DeleteFunc(slices.Clone(codes), isUsedBackupCode)))
		}
		out = append(out, factor)
	}
	return out
}

func isUsedBackupCode(code any) bool {
	c, _ := code.(map[string]any)
	return c["usedAt"] != nil
}

func ssoConnector(row logtotest.Row) []map[string]any {
	delete(row, "config")
	row["name"], row["extra"] = row["provider_name"], nil
	row["provider_type"] = "oidc"
	if strings.Contains(row["provider_name"].(string), "SAML") {
		row["provider_type"] = "saml"
	}
	return []map[string]any{row}
}

// hook keeps of the configuration where it is sent, as far as the host.
func hook(row logtotest.Row) []map[string]any {
	config, _ := row["config"].(map[string]any)
	parts := strings.SplitN(config["url"].(string), "/", 4)
	row["url_origin"], row["extra"] = strings.Join(parts[:3], "/"), nil
	delete(row, "config")
	delete(row, "signing_key")
	return []map[string]any{row}
}

// ofListedRole leaves out what belongs to Logto's internal roles.
func ofListedRole(column string) func(*TenantSnapshot, logtotest.Row) bool {
	return func(tenant *TenantSnapshot, row logtotest.Row) bool { return !tenant.internal[row[column]] }
}

// isNonWebhookLog leaves out the deliveries of webhooks, which /logs does not list.
func isNonWebhookLog(_ *TenantSnapshot, row logtotest.Row) bool {
	return !strings.HasPrefix(row["key"].(string), "TriggerHook.")
}
