-- +goose Up
-- The mirror of a tenant: one table for each kind of row, with Logto's name.
-- tenant_id is the tenant's name in jobs.yaml and the first column of every key, so
-- that several tenants share a database. Ids compare by bytes (collate "C"), because
-- a range of ids in a request must be the same range in the table. Only keys are
-- unique: an e-mail address may move from one user to another between two pages.
-- References are checked when a run is published.

-- Most of what changes overnight is a sign-in. While no indexed column changes and
-- the page has room, Postgres stores the new version of a row beside the old one
-- and writes no index (a HOT update): hence the fillfactor, and no index on
-- last_sign_in_at.
create table logto.users (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    username text,
    primary_email text,
    primary_phone text,
    name text,
    avatar text,
    custom_data jsonb,
    profile jsonb,
    application_id text collate "C",
    cimd_client_id text,
    is_suspended boolean,
    has_password boolean,
    last_sign_in_at timestamptz(3),
    created_at timestamptz(3),
    updated_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
) with (fillfactor = 90);
comment on table logto.users is 'People who can sign in to the tenant. Source: GET /api/users.';
comment on column logto.users.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.users.id is 'Logto id of the user.';
comment on column logto.users.username is 'Username, unique in the tenant by case. Null: none set.';
comment on column logto.users.primary_email is 'E-mail address the user signs in with, as typed. Null: none set.';
comment on column logto.users.primary_phone is 'Phone number the user signs in with, digits only with country code. Null: none set.';
comment on column logto.users.name is 'Display name. Null: none set.';
comment on column logto.users.avatar is 'URL of the picture. Null: none set.';
comment on column logto.users.custom_data is 'customData: what the tenant''s applications store about the user.';
comment on column logto.users.profile is 'OpenID Connect standard claims: givenName, familyName, address, ... Empty object: none set.';
comment on column logto.users.application_id is 'Application the user signed up with. The application may have been deleted. Null: created by the Management API or an import.';
comment on column logto.users.cimd_client_id is 'Client id metadata document URL of the dynamic application the user signed up with. Null: none, or the server is too old to say.';
comment on column logto.users.is_suspended is 'True: the user cannot sign in.';
comment on column logto.users.has_password is 'True: a password is set. Null: the server is too old to say.';
comment on column logto.users.last_sign_in_at is 'Last sign-in, to the millisecond. Null: never signed in.';
comment on column logto.users.created_at is 'When the user was created, to the millisecond. Imports share one.';
comment on column logto.users.updated_at is 'Last change of the user''s own row in Logto, each sign-in included; roles and memberships do not change it.';
comment on column logto.users.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.users.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.users.valid_from is 'When the run that first saw this version was published.';

create table logto.user_identities (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    target text not null,
    identity_user_id text,
    details jsonb,
    extra jsonb,
    valid_from timestamptz not null,
    primary key (tenant_id, user_id, target),
    foreign key (tenant_id, user_id) references logto.users deferrable initially deferred
);
comment on table logto.user_identities is 'Social identities of users, one row for each user and provider. Source: identities in GET /api/users.';
comment on column logto.user_identities.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.user_identities.user_id is 'The user.';
comment on column logto.user_identities.target is 'Provider the identity is of, as its connector names it: google, github, ...';
comment on column logto.user_identities.identity_user_id is 'userId: the user''s id at the provider.';
comment on column logto.user_identities.details is 'What the provider said about the user. Null: nothing is stored.';
comment on column logto.user_identities.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.user_identities.valid_from is 'When the run that first saw this version was published.';

create table logto.organizations (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    description text,
    custom_data jsonb,
    is_mfa_required boolean,
    color jsonb,
    branding jsonb,
    custom_css text,
    created_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.organizations is 'Organizations of the tenant: its customers, teams or workspaces. Source: GET /api/organizations.';
comment on column logto.organizations.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organizations.id is 'Logto id of the organization.';
comment on column logto.organizations.name is 'Name; not unique.';
comment on column logto.organizations.description is 'Description. Null: none set.';
comment on column logto.organizations.custom_data is 'customData: what the tenant''s applications store about the organization.';
comment on column logto.organizations.is_mfa_required is 'True: members need multi-factor authentication to access the organization. Null: the server is too old to say.';
comment on column logto.organizations.color is 'Brand colours of the sign-in page. Empty object: none set.';
comment on column logto.organizations.branding is 'Logo and favicon URLs. Empty object: none set.';
comment on column logto.organizations.custom_css is 'CSS of the sign-in page. Null: none set.';
comment on column logto.organizations.created_at is 'When the organization was created, to the millisecond.';
comment on column logto.organizations.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.organizations.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organizations.valid_from is 'When the run that first saw this version was published.';

create table logto.applications (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    description text,
    type text,
    oidc_client_metadata jsonb,
    custom_client_metadata jsonb,
    protected_app_metadata jsonb,
    custom_data jsonb,
    is_third_party boolean,
    app_level_access_control_enabled boolean,
    created_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.applications is 'Applications that sign users in or act on their own. Secrets are never stored. Source: GET /api/applications.';
comment on column logto.applications.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.applications.id is 'Logto id of the application; its client_id.';
comment on column logto.applications.name is 'Name.';
comment on column logto.applications.description is 'Description. Null: none set.';
comment on column logto.applications.type is 'Native, SPA, Traditional, MachineToMachine, Protected or SAML.';
comment on column logto.applications.oidc_client_metadata is 'Redirect URIs, logout URIs and logo.';
comment on column logto.applications.custom_client_metadata is 'CORS origins, token lifetimes and the like.';
comment on column logto.applications.protected_app_metadata is 'Host, origin and page rules of a protected application. Null: not one.';
comment on column logto.applications.custom_data is 'customData: what is stored about the application.';
comment on column logto.applications.is_third_party is 'True: a third-party application, which asks users for consent.';
comment on column logto.applications.app_level_access_control_enabled is 'True: only users admitted by its access control can sign in. Null: the server is too old to say.';
comment on column logto.applications.created_at is 'When the application was created, to the millisecond.';
comment on column logto.applications.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.applications.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.applications.valid_from is 'When the run that first saw this version was published.';

create table logto.resources (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    indicator text,
    is_default boolean,
    access_token_ttl bigint,
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.resources is 'API resources that access tokens are issued for. Source: GET /api/resources.';
comment on column logto.resources.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.resources.id is 'Logto id of the API resource.';
comment on column logto.resources.name is 'Name.';
comment on column logto.resources.indicator is 'Resource indicator: the audience of its access tokens, a URL.';
comment on column logto.resources.is_default is 'True: tokens are issued for it if a request names no resource.';
comment on column logto.resources.access_token_ttl is 'Lifetime of its access tokens, in seconds.';
comment on column logto.resources.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.resources.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.resources.valid_from is 'When the run that first saw this version was published.';

create table logto.scopes (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    resource_id text collate "C",
    name text,
    description text,
    created_at timestamptz(3),
    extra jsonb,
    valid_from timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, resource_id) references logto.resources deferrable initially deferred
);
comment on table logto.scopes is 'Permissions of API resources. Source: scopes in GET /api/resources?includeScopes=true.';
comment on column logto.scopes.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.scopes.id is 'Logto id of the permission.';
comment on column logto.scopes.resource_id is 'The API resource it belongs to.';
comment on column logto.scopes.name is 'Name as in the scope claim, such as read:orders.';
comment on column logto.scopes.description is 'Description. Null: none set.';
comment on column logto.scopes.created_at is 'When the permission was created, to the millisecond.';
comment on column logto.scopes.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.scopes.valid_from is 'When the run that first saw this version was published.';

create table logto.roles (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    description text,
    type text,
    is_default boolean,
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.roles is 'Roles of the tenant, for users or for machine-to-machine applications. Logto''s internal roles are not listed. Source: GET /api/roles.';
comment on column logto.roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.roles.id is 'Logto id of the role.';
comment on column logto.roles.name is 'Name, unique in the tenant.';
comment on column logto.roles.description is 'Description.';
comment on column logto.roles.type is 'User or MachineToMachine: what can hold the role.';
comment on column logto.roles.is_default is 'True: every new user gets it. Null: the server is too old to say.';
comment on column logto.roles.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.roles.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.roles.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_scopes (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    description text,
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.organization_scopes is 'Organization permissions of the organization template. Source: GET /api/organization-scopes.';
comment on column logto.organization_scopes.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_scopes.id is 'Logto id of the organization permission.';
comment on column logto.organization_scopes.name is 'Name, unique in the tenant, such as invite:member.';
comment on column logto.organization_scopes.description is 'Description. Null: none set.';
comment on column logto.organization_scopes.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.organization_scopes.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_scopes.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_roles (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    description text,
    type text,
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.organization_roles is 'Organization roles of the organization template: the roles that members can hold. Source: GET /api/organization-roles.';
comment on column logto.organization_roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_roles.id is 'Logto id of the organization role.';
comment on column logto.organization_roles.name is 'Name, unique in the tenant.';
comment on column logto.organization_roles.description is 'Description. Null: none set.';
comment on column logto.organization_roles.type is 'User or MachineToMachine: what can hold the role. Null: the server is too old to say.';
comment on column logto.organization_roles.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.organization_roles.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_roles.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_role_scopes (
    tenant_id text collate "C" not null,
    organization_role_id text collate "C" not null,
    organization_scope_id text collate "C" not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_role_id, organization_scope_id),
    foreign key (tenant_id, organization_role_id) references logto.organization_roles deferrable initially deferred,
    foreign key (tenant_id, organization_scope_id) references logto.organization_scopes deferrable initially deferred
);
comment on table logto.organization_role_scopes is 'Organization permissions that an organization role grants. Source: scopes in GET /api/organization-roles.';
comment on column logto.organization_role_scopes.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_role_scopes.organization_role_id is 'The organization role.';
comment on column logto.organization_role_scopes.organization_scope_id is 'The organization permission it grants.';
comment on column logto.organization_role_scopes.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_role_resource_scopes (
    tenant_id text collate "C" not null,
    organization_role_id text collate "C" not null,
    scope_id text collate "C" not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_role_id, scope_id),
    foreign key (tenant_id, organization_role_id) references logto.organization_roles deferrable initially deferred,
    foreign key (tenant_id, scope_id) references logto.scopes deferrable initially deferred
);
comment on table logto.organization_role_resource_scopes is 'API permissions that an organization role grants within the organization. Source: resourceScopes in GET /api/organization-roles.';
comment on column logto.organization_role_resource_scopes.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_role_resource_scopes.organization_role_id is 'The organization role.';
comment on column logto.organization_role_resource_scopes.scope_id is 'The API permission it grants.';
comment on column logto.organization_role_resource_scopes.valid_from is 'When the run that first saw this version was published.';

create table logto.sso_connectors (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    provider_name text,
    connector_name text,
    name text,
    provider_type text,
    domains jsonb,
    branding jsonb,
    sync_profile boolean,
    enable_token_storage boolean,
    created_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.sso_connectors is 'Enterprise single sign-on connectors. Their configuration holds secrets and is never stored. Source: GET /api/sso-connectors.';
comment on column logto.sso_connectors.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.sso_connectors.id is 'Logto id of the connector.';
comment on column logto.sso_connectors.provider_name is 'Kind of provider: OIDC, SAML, AzureAD, GoogleWorkspace, Okta, ...';
comment on column logto.sso_connectors.connector_name is 'Name, unique in the tenant.';
comment on column logto.sso_connectors.name is 'Display name of the kind of provider. Null: the server does not say.';
comment on column logto.sso_connectors.provider_type is 'oidc or saml. Null: the server does not say.';
comment on column logto.sso_connectors.domains is 'Array of the e-mail domains that sign in through it.';
comment on column logto.sso_connectors.branding is 'Display name and logos. Empty object: none set.';
comment on column logto.sso_connectors.sync_profile is 'True: the profile is updated at each sign-in; false: only at the first.';
comment on column logto.sso_connectors.enable_token_storage is 'True: Logto stores the provider''s tokens. Null: the server is too old to say.';
comment on column logto.sso_connectors.created_at is 'When the connector was created, to the millisecond.';
comment on column logto.sso_connectors.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.sso_connectors.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.sso_connectors.valid_from is 'When the run that first saw this version was published.';

create table logto.hooks (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    event text,
    events jsonb,
    url_origin text,
    enabled boolean,
    created_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.hooks is 'Webhooks. Signing keys, headers and the path of the URL are never stored. Source: GET /api/hooks.';
comment on column logto.hooks.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.hooks.id is 'Logto id of the webhook.';
comment on column logto.hooks.name is 'Name.';
comment on column logto.hooks.event is 'The only event of a webhook created before webhooks could have several. Null: see events.';
comment on column logto.hooks.events is 'Array of the events that trigger it.';
comment on column logto.hooks.url_origin is 'Scheme and host of the URL it is sent to; the rest may hold credentials and is not stored.';
comment on column logto.hooks.enabled is 'False: disabled.';
comment on column logto.hooks.created_at is 'When the webhook was created, to the millisecond.';
comment on column logto.hooks.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.hooks.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.hooks.valid_from is 'When the run that first saw this version was published.';

create table logto.custom_profile_fields (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    name text,
    type text,
    label text,
    description text,
    required boolean,
    config jsonb,
    created_at timestamptz(3),
    sie_order bigint,
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
comment on table logto.custom_profile_fields is 'Fields of the sign-up profile form. Source: GET /api/custom-profile-fields.';
comment on column logto.custom_profile_fields.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.custom_profile_fields.id is 'Logto id of the field.';
comment on column logto.custom_profile_fields.name is 'Key of the field in the user''s profile or custom data.';
comment on column logto.custom_profile_fields.type is 'Text, Number, Date, Checkbox, Select, Url, Regex, Address or Fullname.';
comment on column logto.custom_profile_fields.label is 'Label in the form.';
comment on column logto.custom_profile_fields.description is 'Description. Null: none set.';
comment on column logto.custom_profile_fields.required is 'True: must be filled in.';
comment on column logto.custom_profile_fields.config is 'Length, options, format and the like.';
comment on column logto.custom_profile_fields.created_at is 'When the field was created, to the millisecond.';
comment on column logto.custom_profile_fields.sie_order is 'Position in the form.';
comment on column logto.custom_profile_fields.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.custom_profile_fields.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.custom_profile_fields.valid_from is 'When the run that first saw this version was published.';

create table logto.role_scopes (
    tenant_id text collate "C" not null,
    role_id text collate "C" not null,
    scope_id text collate "C" not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, role_id, scope_id),
    foreign key (tenant_id, role_id) references logto.roles deferrable initially deferred,
    foreign key (tenant_id, scope_id) references logto.scopes deferrable initially deferred
);
create index on logto.role_scopes (tenant_id, scope_id);
comment on table logto.role_scopes is 'Permissions that a role grants. Source: GET /api/roles/{id}/scopes.';
comment on column logto.role_scopes.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.role_scopes.role_id is 'The role.';
comment on column logto.role_scopes.scope_id is 'The permission it grants.';
comment on column logto.role_scopes.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.role_scopes.valid_from is 'When the run that first saw this version was published.';

-- No parallel scans: a role has few holders of many, but for the role everybody
-- has. Given only a role's name, the planner assumes an average number of holders
-- and would start several processes that read the whole table. Without them the
-- index is the cheapest plan.
create table logto.user_roles (
    tenant_id text collate "C" not null,
    role_id text collate "C" not null,
    user_id text collate "C" not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, role_id, user_id),
    foreign key (tenant_id, role_id) references logto.roles deferrable initially deferred,
    foreign key (tenant_id, user_id) references logto.users deferrable initially deferred
) with (parallel_workers = 0);
create index on logto.user_roles (tenant_id, user_id);
comment on table logto.user_roles is 'Roles that users hold. Source: GET /api/roles/{id}/users.';
comment on column logto.user_roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.user_roles.role_id is 'The role.';
comment on column logto.user_roles.user_id is 'The user who holds it.';
comment on column logto.user_roles.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.user_roles.valid_from is 'When the run that first saw this version was published.';

create table logto.application_roles (
    tenant_id text collate "C" not null,
    role_id text collate "C" not null,
    application_id text collate "C" not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, role_id, application_id),
    foreign key (tenant_id, role_id) references logto.roles deferrable initially deferred,
    foreign key (tenant_id, application_id) references logto.applications deferrable initially deferred
);
create index on logto.application_roles (tenant_id, application_id);
comment on table logto.application_roles is 'Roles that machine-to-machine applications hold. Source: GET /api/roles/{id}/applications.';
comment on column logto.application_roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.application_roles.role_id is 'The role.';
comment on column logto.application_roles.application_id is 'The application that holds it.';
comment on column logto.application_roles.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.application_roles.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_users (
    tenant_id text collate "C" not null,
    organization_id text collate "C" not null,
    user_id text collate "C" not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_id, user_id),
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred,
    foreign key (tenant_id, user_id) references logto.users deferrable initially deferred
);
create index on logto.organization_users (tenant_id, user_id);
comment on table logto.organization_users is 'Members of organizations. Source: GET /api/organizations/{id}/users.';
comment on column logto.organization_users.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_users.organization_id is 'The organization.';
comment on column logto.organization_users.user_id is 'The member.';
comment on column logto.organization_users.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_users.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_user_roles (
    tenant_id text collate "C" not null,
    organization_id text collate "C" not null,
    user_id text collate "C" not null,
    organization_role_id text collate "C" not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_id, user_id, organization_role_id),
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred,
    foreign key (tenant_id, user_id) references logto.users deferrable initially deferred,
    foreign key (tenant_id, organization_role_id) references logto.organization_roles deferrable initially deferred
);
create index on logto.organization_user_roles (tenant_id, user_id);
create index on logto.organization_user_roles (tenant_id, organization_role_id);
comment on table logto.organization_user_roles is 'Organization roles that members hold in an organization. Source: organizationRoles in GET /api/organizations/{id}/users.';
comment on column logto.organization_user_roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_user_roles.organization_id is 'The organization.';
comment on column logto.organization_user_roles.user_id is 'The member.';
comment on column logto.organization_user_roles.organization_role_id is 'The organization role held there.';
comment on column logto.organization_user_roles.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_applications (
    tenant_id text collate "C" not null,
    application_id text collate "C" not null,
    organization_id text collate "C" not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, application_id, organization_id),
    foreign key (tenant_id, application_id) references logto.applications deferrable initially deferred,
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred
);
create index on logto.organization_applications (tenant_id, organization_id);
comment on table logto.organization_applications is 'Machine-to-machine applications that belong to organizations. Source: GET /api/applications/{id}/organizations.';
comment on column logto.organization_applications.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_applications.application_id is 'The application.';
comment on column logto.organization_applications.organization_id is 'The organization.';
comment on column logto.organization_applications.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_applications.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_application_roles (
    tenant_id text collate "C" not null,
    application_id text collate "C" not null,
    organization_id text collate "C" not null,
    organization_role_id text collate "C" not null,
    valid_from timestamptz not null,
    primary key (tenant_id, application_id, organization_id, organization_role_id),
    foreign key (tenant_id, application_id) references logto.applications deferrable initially deferred,
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred,
    foreign key (tenant_id, organization_role_id) references logto.organization_roles deferrable initially deferred
);
create index on logto.organization_application_roles (tenant_id, organization_id);
create index on logto.organization_application_roles (tenant_id, organization_role_id);
comment on table logto.organization_application_roles is 'Organization roles that applications hold in an organization. Source: organizationRoles in GET /api/applications/{id}/organizations.';
comment on column logto.organization_application_roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_application_roles.application_id is 'The application.';
comment on column logto.organization_application_roles.organization_id is 'The organization.';
comment on column logto.organization_application_roles.organization_role_id is 'The organization role held there.';
comment on column logto.organization_application_roles.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_invitations (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    organization_id text collate "C",
    inviter_id text collate "C",
    invitee text,
    accepted_user_id text collate "C",
    status text,
    created_at timestamptz(3),
    updated_at timestamptz(3),
    expires_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred,
    foreign key (tenant_id, inviter_id) references logto.users deferrable initially deferred,
    foreign key (tenant_id, accepted_user_id) references logto.users deferrable initially deferred
);
create index on logto.organization_invitations (tenant_id, organization_id);
create index on logto.organization_invitations (tenant_id, inviter_id);
create index on logto.organization_invitations (tenant_id, accepted_user_id);
comment on table logto.organization_invitations is 'Invitations to organizations. Source: GET /api/organization-invitations.';
comment on column logto.organization_invitations.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_invitations.id is 'Logto id of the invitation.';
comment on column logto.organization_invitations.organization_id is 'The organization invited to.';
comment on column logto.organization_invitations.inviter_id is 'The user who invites. Null: sent by the Management API.';
comment on column logto.organization_invitations.invitee is 'E-mail address invited.';
comment on column logto.organization_invitations.accepted_user_id is 'The user who accepted. Null: not accepted.';
comment on column logto.organization_invitations.status is 'Pending, Accepted, Expired or Revoked. Logto derives Expired from expires_at at each reading.';
comment on column logto.organization_invitations.created_at is 'When the invitation was created, to the millisecond.';
comment on column logto.organization_invitations.updated_at is 'When its status was last set, to the millisecond; expiring does not count.';
comment on column logto.organization_invitations.expires_at is 'When it expires, to the millisecond.';
comment on column logto.organization_invitations.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.organization_invitations.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_invitations.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_invitation_roles (
    tenant_id text collate "C" not null,
    organization_invitation_id text collate "C" not null,
    organization_role_id text collate "C" not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_invitation_id, organization_role_id),
    foreign key (tenant_id, organization_invitation_id) references logto.organization_invitations deferrable initially deferred,
    foreign key (tenant_id, organization_role_id) references logto.organization_roles deferrable initially deferred
);
create index on logto.organization_invitation_roles (tenant_id, organization_role_id);
comment on table logto.organization_invitation_roles is 'Organization roles that an invitation grants. Source: organizationRoles in GET /api/organization-invitations.';
comment on column logto.organization_invitation_roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_invitation_roles.organization_invitation_id is 'The invitation.';
comment on column logto.organization_invitation_roles.organization_role_id is 'The organization role it grants.';
comment on column logto.organization_invitation_roles.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_jit_email_domains (
    tenant_id text collate "C" not null,
    organization_id text collate "C" not null,
    email_domain text not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_id, email_domain),
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred
);
comment on table logto.organization_jit_email_domains is 'E-mail domains whose users join an organization through just-in-time provisioning. Optional listing. Source: GET /api/organizations/{id}/jit/email-domains.';
comment on column logto.organization_jit_email_domains.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_jit_email_domains.organization_id is 'The organization.';
comment on column logto.organization_jit_email_domains.email_domain is 'The domain, such as example.com.';
comment on column logto.organization_jit_email_domains.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_jit_email_domains.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_jit_roles (
    tenant_id text collate "C" not null,
    organization_id text collate "C" not null,
    organization_role_id text collate "C" not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_id, organization_role_id),
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred,
    foreign key (tenant_id, organization_role_id) references logto.organization_roles deferrable initially deferred
);
create index on logto.organization_jit_roles (tenant_id, organization_role_id);
comment on table logto.organization_jit_roles is 'Organization roles of users who join through just-in-time provisioning. Optional listing. Source: GET /api/organizations/{id}/jit/roles.';
comment on column logto.organization_jit_roles.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_jit_roles.organization_id is 'The organization.';
comment on column logto.organization_jit_roles.organization_role_id is 'The organization role given.';
comment on column logto.organization_jit_roles.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_jit_roles.valid_from is 'When the run that first saw this version was published.';

create table logto.organization_jit_sso_connectors (
    tenant_id text collate "C" not null,
    organization_id text collate "C" not null,
    sso_connector_id text collate "C" not null,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, organization_id, sso_connector_id),
    foreign key (tenant_id, organization_id) references logto.organizations deferrable initially deferred
);
create index on logto.organization_jit_sso_connectors (tenant_id, sso_connector_id);
comment on table logto.organization_jit_sso_connectors is 'Enterprise connectors whose users join an organization through just-in-time provisioning. Optional listing. Source: GET /api/organizations/{id}/jit/sso-connectors.';
comment on column logto.organization_jit_sso_connectors.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.organization_jit_sso_connectors.organization_id is 'The organization.';
comment on column logto.organization_jit_sso_connectors.sso_connector_id is 'The connector. Not in sso_connectors if its kind of provider is one that the server no longer supports.';
comment on column logto.organization_jit_sso_connectors.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.organization_jit_sso_connectors.valid_from is 'When the run that first saw this version was published.';

create table logto.user_sso_identities (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    id text collate "C" not null,
    issuer text,
    identity_id text,
    detail jsonb,
    sso_connector_id text collate "C",
    created_at timestamptz(3),
    updated_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, user_id, id),
    foreign key (tenant_id, user_id) references logto.users deferrable initially deferred
);
comment on table logto.user_sso_identities is 'Enterprise single sign-on identities of users. Optional listing. Source: GET /api/users/{id}?includeSsoIdentities=true.';
comment on column logto.user_sso_identities.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.user_sso_identities.user_id is 'The user.';
comment on column logto.user_sso_identities.id is 'Logto id of the identity.';
comment on column logto.user_sso_identities.issuer is 'Issuer of the identity provider.';
comment on column logto.user_sso_identities.identity_id is 'The user''s id at the identity provider.';
comment on column logto.user_sso_identities.detail is 'What the identity provider said about the user.';
comment on column logto.user_sso_identities.sso_connector_id is 'The connector it came through.';
comment on column logto.user_sso_identities.created_at is 'When it was linked, to the millisecond.';
comment on column logto.user_sso_identities.updated_at is 'Last change, to the millisecond. Null: the server is too old to say.';
comment on column logto.user_sso_identities.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.user_sso_identities.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.user_sso_identities.valid_from is 'When the run that first saw this version was published.';

create table logto.user_mfa_verifications (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    id text collate "C" not null,
    type text,
    name text,
    agent text,
    remain_codes bigint,
    created_at timestamptz(3),
    last_used_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, user_id, id),
    foreign key (tenant_id, user_id) references logto.users deferrable initially deferred
);
comment on table logto.user_mfa_verifications is 'Second factors that users have set up, without their secrets. Optional listing. Source: GET /api/users/{id}/mfa-verifications.';
comment on column logto.user_mfa_verifications.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.user_mfa_verifications.user_id is 'The user.';
comment on column logto.user_mfa_verifications.id is 'Logto id of the factor.';
comment on column logto.user_mfa_verifications.type is 'Totp, WebAuthn, BackupCode, ...';
comment on column logto.user_mfa_verifications.name is 'Name the user gave it. Null: none.';
comment on column logto.user_mfa_verifications.agent is 'Browser it was set up with. Null: unknown.';
comment on column logto.user_mfa_verifications.remain_codes is 'Backup codes left. Null: not backup codes.';
comment on column logto.user_mfa_verifications.created_at is 'When it was set up, to the millisecond.';
comment on column logto.user_mfa_verifications.last_used_at is 'When it was last used, to the millisecond. Null: never, or not recorded.';
comment on column logto.user_mfa_verifications.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.user_mfa_verifications.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.user_mfa_verifications.valid_from is 'When the run that first saw this version was published.';

create table logto.personal_access_tokens (
    tenant_id text collate "C" not null,
    user_id text collate "C" not null,
    name text not null,
    created_at timestamptz(3),
    expires_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, user_id, name),
    foreign key (tenant_id, user_id) references logto.users deferrable initially deferred
);
comment on table logto.personal_access_tokens is 'Names and dates of users'' personal access tokens; the tokens are never stored. Optional listing. Source: GET /api/users/{id}/personal-access-tokens.';
comment on column logto.personal_access_tokens.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.personal_access_tokens.user_id is 'The user.';
comment on column logto.personal_access_tokens.name is 'Name of the token, unique for the user.';
comment on column logto.personal_access_tokens.created_at is 'When it was created, to the millisecond.';
comment on column logto.personal_access_tokens.expires_at is 'When it expires, to the millisecond. Null: never.';
comment on column logto.personal_access_tokens.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.personal_access_tokens.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.personal_access_tokens.valid_from is 'When the run that first saw this version was published.';

create table logto.logs (
    tenant_id text collate "C" not null,
    id text collate "C" not null,
    key text,
    payload jsonb,
    created_at timestamptz(3),
    extra jsonb,
    item_hash bytea not null,
    valid_from timestamptz not null,
    primary key (tenant_id, id)
);
create index on logto.logs (tenant_id, created_at);
comment on table logto.logs is 'Audit log of sign-ins and tokens, read by time window and never deleted here. Optional listing. Source: GET /api/logs.';
comment on column logto.logs.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column logto.logs.id is 'Logto id of the log entry.';
comment on column logto.logs.key is 'What happened, such as Interaction.SignIn.Submit.';
comment on column logto.logs.payload is 'The entry; values under keys that look like secrets are blanked.';
comment on column logto.logs.created_at is 'When it happened, to the millisecond.';
comment on column logto.logs.extra is 'Fields the API sent that have no column of their own, or a value their column cannot hold. Null: none.';
comment on column logto.logs.item_hash is 'Hash of everything stored of the item. The next run compares it to find changes.';
comment on column logto.logs.valid_from is 'When the run that first saw this version was published.';
