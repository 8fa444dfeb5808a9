-- Indexes for what people look for. Each statement is one index, made once the
-- first load is done; what the keys and references have already is not here,
-- nor what only a report over the whole tenant would use, for that reads the
-- table anyhow.

-- A person by id, for a question that leaves the tenant out.
create index if not exists users_id on logto.users (id);

-- A person by e-mail address, username, phone or name, in any case.
create index if not exists users_lower_primary_email on logto.users (lower(primary_email));
create index if not exists users_primary_phone on logto.users (primary_phone);
create index if not exists users_lower_username on logto.users (lower(username));
create index if not exists users_lower_name on logto.users (lower(name));

-- The same as people remember it: a part of it, or a word like it. Also serves
-- equality with regard to case, like and ilike.
create index if not exists users_trigrams on logto.users using gin (username TRIGRAMS, primary_email TRIGRAMS, primary_phone TRIGRAMS, name TRIGRAMS);

-- People by what the applications keep about them: @>, @? and @@.
create index if not exists users_custom_data on logto.users using gin (custom_data jsonb_path_ops);
create index if not exists users_profile on logto.users using gin (profile jsonb_path_ops);

-- People by date, the newest first; and what changed. There is none by
-- last_sign_in_at: it would have all indexes written at each sign-in, which
-- took four times the WAL, for questions that read most of the table anyhow.
create index if not exists users_created_at on logto.users (tenant_id, created_at desc);
create index if not exists users_valid_from on logto.users (valid_from);

-- People by e-mail domain.
create index if not exists users_email_domain on logto.users (lower(split_part(primary_email, '@', 2)));

-- Few of many.
create index if not exists users_suspended on logto.users (tenant_id, id) where is_suspended;

-- Whose is this account at the provider, by its id or address there?
create index if not exists user_identities_identity_user_id on logto.user_identities (identity_user_id, target);
create index if not exists user_identities_lower_email on logto.user_identities (lower(details ->> 'email'));
create index if not exists user_sso_identities_identity_id on logto.user_sso_identities (identity_id, issuer);
create index if not exists user_sso_identities_lower_email on logto.user_sso_identities (lower(detail ->> 'email'));

-- Who was invited under this address?
create index if not exists organization_invitations_lower_invitee on logto.organization_invitations (lower(invitee));
create index if not exists history_organization_invitations_lower_invitee on logto_history.organization_invitations (lower(invitee));

-- Whose was this address, phone number, username or identity, before it changed
-- or the account was deleted?
create index if not exists history_users_lower_primary_email on logto_history.users (lower(primary_email));
create index if not exists history_users_primary_phone on logto_history.users (primary_phone);
create index if not exists history_users_lower_username on logto_history.users (lower(username));
create index if not exists history_user_identities_identity_user_id on logto_history.user_identities (identity_user_id, target);
create index if not exists history_user_identities_lower_email on logto_history.user_identities (lower(details ->> 'email'));
create index if not exists history_user_sso_identities_identity_id on logto_history.user_sso_identities (identity_id, issuer);
create index if not exists history_user_sso_identities_lower_email on logto_history.user_sso_identities (lower(detail ->> 'email'));

-- An organization by name, in any case, or by a part of it.
create index if not exists organizations_lower_name on logto.organizations (lower(name));
create index if not exists organizations_trigrams on logto.organizations using gin (name TRIGRAMS);

-- What was one person's access?
create index if not exists history_user_roles_user_id on logto_history.user_roles (tenant_id, user_id);
create index if not exists history_organization_users_user_id on logto_history.organization_users (tenant_id, user_id);
create index if not exists history_organization_user_roles_user_id on logto_history.organization_user_roles (tenant_id, user_id);

-- What did one person do?
create index if not exists logs_user_id on logto.logs (tenant_id, (payload ->> 'userId'), created_at);
