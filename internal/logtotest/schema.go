package logtotest

import "strings"

// A columnFormat says how a column is shown by the API.
type columnFormat int

const (
	plain  columnFormat = iota
	stamp               // a time: epoch milliseconds in the API
	jsonb               // JSON: the server is JavaScript and rounds big integers
	hidden              // in the table, never in an answer
)

type column struct {
	name, api string
	kind      columnFormat
	standard  string // raw JSON an insert leaves out, "" where it has to be given
	parent    string // the table it refers to, "" for none
}

// schema lists the columns of every table, in the order the API shows them:
// name[:kind][=default][>table it refers to].
func schema() map[string]string {
	return map[string]string{
		"users": "id username=null primary_email=null primary_phone=null name=null avatar=null custom_data:jsonb={} identities:jsonb={} " +
			"last_sign_in_at:stamp=null created_at:stamp updated_at:stamp profile:jsonb={} application_id=null cimd_client_id=null " +
			"is_suspended=false is_password_expired:hidden=false password_updated_at:hidden=null logto_config:hidden={} mfa_verifications:hidden=[]",
		"organizations": "id name description=null custom_data:jsonb={} is_mfa_required=false color:jsonb={} branding:jsonb={} custom_css=null " +
			"created_at:stamp is_trusted_device_allowed:hidden=true",
		"roles": `id name description="" type="User" is_default=false`,
		"applications": `id name secret description=null type="MachineToMachine" oidc_client_metadata:jsonb={"redirectUris":[],"postLogoutRedirectUris":[]} ` +
			"custom_client_metadata:jsonb={} protected_app_metadata:jsonb=null custom_data:jsonb={} is_third_party=false " +
			"app_level_access_control_enabled=false created_at:stamp",
		"application_secrets": "application_id>applications name value created_at:stamp expires_at:stamp=null",
		"resources":           "id name indicator is_default=false access_token_ttl=3600",
		"scopes":              "id resource_id>resources name description=null created_at:stamp",
		"organization_roles":  `id name description=null type="User"`,
		"organization_scopes": "id name description=null",
		"organization_invitations": `id inviter_id=null>users invitee accepted_user_id=null>users organization_id>organizations status="Pending" ` +
			"created_at:stamp updated_at:stamp expires_at:stamp",
		"organization_invitation_role_relations":     "organization_invitation_id>organization_invitations organization_role_id>organization_roles",
		"users_roles":                                "user_id>users role_id>roles",
		"applications_roles":                         "application_id>applications role_id>roles",
		"roles_scopes":                               "role_id>roles scope_id>scopes",
		"organization_user_relations":                "organization_id>organizations user_id>users",
		"organization_role_user_relations":           "organization_id>organizations organization_role_id>organization_roles user_id>users",
		"organization_application_relations":         "organization_id>organizations application_id>applications",
		"organization_role_application_relations":    "organization_id>organizations organization_role_id>organization_roles application_id>applications",
		"organization_role_scope_relations":          "organization_role_id>organization_roles organization_scope_id>organization_scopes",
		"organization_role_resource_scope_relations": "organization_role_id>organization_roles scope_id>scopes",
		"organization_jit_email_domains":             "organization_id>organizations email_domain",
		"organization_jit_roles":                     "organization_id>organizations organization_role_id>organization_roles",
		"organization_jit_sso_connectors":            "organization_id>organizations sso_connector_id>sso_connectors",
		"hooks":                                      "id name event=null events:jsonb=[] config:jsonb signing_key enabled=true created_at:stamp",
		"logs":                                       "id key payload:jsonb={} created_at:stamp",
		"connectors":                                 "id sync_profile=false enable_token_storage=false connector_id config:jsonb={} metadata:jsonb={} created_at:hidden",
		"sso_connectors": "id provider_name connector_name config:jsonb={} domains:jsonb=[] branding:jsonb={} sync_profile=false " +
			"enable_token_storage=false created_at:stamp",
		"user_sso_identities":    "id user_id>users issuer identity_id detail:jsonb={} created_at:stamp updated_at:stamp sso_connector_id>sso_connectors",
		"personal_access_tokens": "user_id>users name value created_at:stamp expires_at:stamp=null",
		"domains": `id domain status="PendingVerification" error_message=null dns_records:jsonb=[] verification_files:hidden=[] ` +
			"cloudflare_data:hidden=null updated_at:hidden created_at:stamp",
		"custom_phrases":  "id language_tag translation:jsonb={}",
		"email_templates": "id language_tag template_type details:jsonb={} created_at:stamp",
		"one_time_tokens": `id email token context:jsonb={} status="active" created_at:stamp expires_at:stamp`,
		"custom_profile_fields": `id name type="Text" label="" description=null required=false config:jsonb={} created_at:stamp ` +
			"sie_order=0",
	}
}

// parseColumns reads one entry of schema.
func parseColumns(s string) []column {
	var cols []column
	for field := range strings.FieldsSeq(s) {
		var c column
		field, c.parent, _ = strings.Cut(field, ">")
		field, c.standard, _ = strings.Cut(field, "=")
		name, how, _ := strings.Cut(field, ":")
		c.name, c.api = name, camel(name)
		switch how {
		case "stamp":
			c.kind = stamp
		case "jsonb":
			c.kind = jsonb
		case "hidden":
			c.kind = hidden
		}
		cols = append(cols, c)
	}
	return cols
}

// camel turns created_at into createdAt.
func camel(name string) string {
	var b strings.Builder
	for i, part := range strings.Split(name, "_") {
		if i > 0 && part != "" {
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		b.WriteString(part)
	}
	return b.String()
}

// snake turns createdAt into created_at, as the server does with search fields.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
