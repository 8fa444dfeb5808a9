-- Who is meant by a text: accounts by id, e-mail address, phone number, username
-- or an identity elsewhere, those since deleted by what history has of them, and
-- addresses that were invited. $1: tenants; $2: the text; $3: the text in lower
-- case and its hashes; $4: a phone number's digits, and its hashes; $5 and $6: the
-- provider and the id there of a text such as github:octocat, or null.
with found (tenant_id, user_id, matched) as (
    select u.tenant_id, u.id, 'id' from logto.users u where u.tenant_id = any($1) and u.id = $2
    union all
    select u.tenant_id, u.id, 'id' from logto_history.users u where u.tenant_id = any($1) and u.id = $2
    union all
    select h.tenant_id, h.user_id, 'id in history' from logto_history.user_roles h where h.tenant_id = any($1) and h.user_id = $2
    union all
    select h.tenant_id, h.user_id, 'id in history' from logto_history.organization_users h where h.tenant_id = any($1) and h.user_id = $2
    union all
    select h.tenant_id, h.user_id, 'id in history' from logto_history.user_identities h where h.tenant_id = any($1) and h.user_id = $2
    union all
    (select l.tenant_id, $2::text, 'id in logs' from logto.logs l where l.tenant_id = any($1) and l.payload ->> 'userId' = $2 limit 1)
    union all
    select u.tenant_id, u.id, 'primary_email' from logto.users u where lower(u.primary_email) = any($3)
    union all
    select u.tenant_id, u.id, 'primary_email, earlier' from logto_history.users u where lower(u.primary_email) = any($3)
    union all
    select u.tenant_id, u.id, 'primary_phone' from logto.users u where u.primary_phone = any($4)
    union all
    select u.tenant_id, u.id, 'primary_phone, earlier' from logto_history.users u where u.primary_phone = any($4)
    union all
    select u.tenant_id, u.id, 'username' from logto.users u where lower(u.username) = any($3)
    union all
    select u.tenant_id, u.id, 'username, earlier' from logto_history.users u where lower(u.username) = any($3)
    union all
    select i.tenant_id, i.user_id, 'social identity' from logto.user_identities i
    where i.identity_user_id = $2 or i.identity_user_id = any($3) or i.identity_user_id = $6 and i.target = $5 or lower(i.details ->> 'email') = any($3)
    union all
    select i.tenant_id, i.user_id, 'social identity, earlier' from logto_history.user_identities i
    where i.identity_user_id = $2 or i.identity_user_id = any($3) or i.identity_user_id = $6 and i.target = $5 or lower(i.details ->> 'email') = any($3)
    union all
    select i.tenant_id, i.user_id, 'enterprise identity' from logto.user_sso_identities i
    where i.identity_id = $2 or i.identity_id = any($3) or lower(i.detail ->> 'email') = any($3)
    union all
    select i.tenant_id, i.user_id, 'enterprise identity, earlier' from logto_history.user_sso_identities i
    where i.identity_id = $2 or i.identity_id = any($3) or lower(i.detail ->> 'email') = any($3)
    union all
    select i.tenant_id, null, 'invitation' from logto.organization_invitations i where lower(i.invitee) = any($3)
    union all
    select i.tenant_id, null, 'invitation, earlier' from logto_history.organization_invitations i where lower(i.invitee) = any($3)
)
select f.tenant_id::text, coalesce(f.user_id::text, '') as user_id, array_agg(distinct f.matched order by f.matched) as matched,
    coalesce(max(coalesce(u.primary_email, u.username, u.primary_phone, u.name)), '') as name, bool_or(u.id is not null) as current
from found f
left join logto.users u on u.tenant_id = f.tenant_id and u.id = f.user_id
where f.tenant_id = any($1)
group by f.tenant_id, f.user_id
order by 5 desc, 1, 2
