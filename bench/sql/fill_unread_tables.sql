-- Rows for which a run would need a request for each user or organization, and
-- sign-ins: generated in the sizes of a simulated tenant, because reading them
-- takes longer than all measurements. References are not checked.
begin;
set local session_replication_role = replica;

-- About 1.05 memberships a user, a fifth of them in one big organization.
with drawn as materialized (
    select tenant_id, id, valid_from, hashtext(n || id) & 2147483647 as draw, (select count(*) from logto.organizations) as organizations
    from logto.users, generate_series(1, 3) n
), chosen as (
    select tenant_id, id, valid_from, case when draw / 20 % 5 = 0 then 1 else 1 + draw / 100 % organizations end as number
    from drawn
    where draw % 20 < 7
)
insert into logto.organization_users (tenant_id, organization_id, user_id, item_hash, valid_from)
select c.tenant_id, o.id, c.id, '\x00', c.valid_from
from chosen c
join logto.organizations o on substring(o.name from '[0-9]+$')::bigint = c.number
on conflict do nothing;

-- Eight of ten members hold the role member only, one of ten another one.
insert into logto.organization_user_roles (tenant_id, organization_id, user_id, organization_role_id, valid_from)
select m.tenant_id, m.organization_id, m.user_id, r.id, m.valid_from
from logto.organization_users m
cross join lateral (select hashtext(m.user_id || m.organization_id) & 2147483647 as draw) d
join (select tenant_id, id, name, row_number() over (partition by name = 'member' order by name) as number from logto.organization_roles where type = 'User') r
    on r.tenant_id = m.tenant_id and case when r.name = 'member' then d.draw % 10 < 8 else d.draw % 10 = 0 and r.number = 1 + d.draw / 10 % 5 end;

insert into logto.user_mfa_verifications (tenant_id, user_id, id, type, created_at, item_hash, valid_from)
select tenant_id, id, 'totp', 'Totp', created_at, '\x00', valid_from
from logto.users
where hashtext(id) % 30 = 0;

insert into logto.personal_access_tokens (tenant_id, user_id, name, created_at, item_hash, valid_from)
select tenant_id, id, 'ci token', created_at, '\x00', valid_from
from logto.users
where hashtext(id) % 500 = 1;

insert into logto.user_sso_identities (tenant_id, user_id, id, issuer, identity_id, sso_connector_id, created_at, item_hash, valid_from)
select u.tenant_id, u.id, 'sso', 'https://idp.example.com', 'acme|' || u.id, c.id, u.created_at, '\x00', u.valid_from
from logto.users u
join logto.sso_connectors c on c.tenant_id = u.tenant_id
where hashtext(u.id) % 50 = 2;

insert into logto.organization_jit_email_domains (tenant_id, organization_id, email_domain, item_hash, valid_from)
select tenant_id, id, 'org' || substring(name from '[0-9]+$') || '.example', '\x00', valid_from
from logto.organizations
where hashtext(id) % 10 = 0;

-- Sign-ins of the last 30 days: a log for each user who signed in since then.
insert into logto.logs (tenant_id, id, key, payload, created_at, item_hash, valid_from)
select tenant_id, 'log' || id, 'Interaction.SignIn.Submit',
    jsonb_build_object('userId', id, 'result', 'Success', 'ip', '203.0.' || abs(hashtext(id)) % 50 || '.' || abs(hashtext(id)) / 50 % 256),
    last_sign_in_at, '\x00', valid_from
from logto.users
where last_sign_in_at >= '2026-10-02';

-- All of it counts as mirrored, or the answers would leave it out.
insert into syncer.mirrored_tables (tenant_id, table_name, listing, first_proved_at, history_since)
select u.tenant_id, t.name, l.listing, u.first_proved_at, u.history_since
from syncer.mirrored_tables u
cross join syncer.listings l
cross join unnest(l.table_names) t (name)
where u.table_name = 'users'
on conflict do nothing;

-- Somebody was erased.
insert into syncer.erasures (tenant_id, salt, user_hashes, people, erased_rows)
select distinct tenant_id, '\x00'::bytea, array[sha256(convert_to(tenant_id, 'UTF8'))], 1, '{"users": 1}'::jsonb from logto.users;

commit;
