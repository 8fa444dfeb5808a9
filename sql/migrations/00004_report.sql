-- +goose Up
-- Questions about a tenant, one view for each. Names are Logto's own; every view has
-- tenant_id, and a column name means the same in all of them. Lists of names are
-- subqueries, so that a query without them does not pay for them. Days, weeks and
-- months are in UTC. Views read with the rights of their owner, who may read schema
-- syncer, while analysts may not.
--
-- All of it answers on a Citus cluster, too, where a query is planned from its text:
-- functions that read tables of the mirror are in PL/pgSQL, which gives each query its
-- parameters as values, and no query of theirs calls such a function for its rows.

-- What the mirror knows of itself. Other views rest on mirrored_tables: where a
-- table's content is not known, they have null instead of an empty list or a
-- count, and no row instead of one that would say that there is nothing.
create view report.tenants as
select t.tenant_id, t.first_seen_at, r.first_published_at, r.last_published_at,
    t.response_header_limit, t.ids_per_request, t.request_limit_status, t.request_limit_found_at
from syncer.tenants t
left join (select tenant_id, min(published_at) as first_published_at, max(published_at) as last_published_at from syncer.runs group by tenant_id) r
    on r.tenant_id = t.tenant_id;
comment on view report.tenants is 'Which tenants are mirrored here, and since when? Since when each table has a past is in report.mirrored_tables.';

create view report.certificates as
select c.tenant_id, c.listing, c.run_id, c.proof, c.reason, c.walk, c.parents, c.total, c.distinct_ids, c.inserted, c.updated, c.deleted, c.unchanged,
    c.requests, c.notes, c.read_at, r.published_at
from syncer.certificates c
join syncer.runs r on r.run_id = c.run_id;
comment on view report.certificates is 'What did each run prove? One row for each published run and listing.';

create view report.freshness as
select t.tenant_id, l.listing, l.is_optional, l.table_names,
    case when c.proof is null then 'not mirrored' when c.proof = 'complete' then 'proved' else c.proof end as state,
    c.proof, c.reason, c.distinct_ids, c.read_at, c.published_at, c.run_id, p.read_at as last_proved_at,
    f.followed_until, f.sources as followed_sources, f.gap as followed_gap
from syncer.tenants t
cross join syncer.listings l
left join lateral (
    select c.proof, c.reason, c.distinct_ids, c.read_at, r.published_at, c.run_id
    from syncer.certificates c
    join syncer.runs r on r.run_id = c.run_id
    where c.tenant_id = t.tenant_id and c.listing = l.listing
    order by c.run_id desc
    limit 1
) c on true
left join lateral (
    select c.read_at from syncer.certificates c
    where c.tenant_id = t.tenant_id and c.listing = l.listing and c.proof = 'complete'
    order by c.run_id desc
    limit 1
) p on true
left join syncer.followed f on f.tenant_id = t.tenant_id and f.listing = l.listing;
comment on view report.freshness is 'How fresh is the mirror, and is it proved? One row a tenant and listing, those that are not mirrored included: its last certificate, and up to when runs of changes have followed it since.';

create view report.mirrored_tables as
select m.tenant_id, m.table_name, m.listing, m.first_proved_at, m.history_since
from syncer.mirrored_tables m;
comment on view report.mirrored_tables is 'Whose content is known, and since when is their past? One row a tenant and table of schema logto that was proved complete at least once.';

create view report.runs as
select r.tenant_id, r.run_id, r.job, r.mode, r.status, r.attempt, r.started_at, r.attempted_at, r.finished_at, r.published_at, r.requests,
    r.retries, r.throttled, r.seconds, r.error, w.reason as waiting, w.since as waiting_since,
    cardinality(r.listings) as listing_count
from syncer.runs r
left join syncer.run_waits w on w.tenant_id = r.tenant_id and w.run_id = r.run_id and w.owner = r.owner and r.status = 'running';
comment on view report.runs is 'How did the runs go? One row for each run.';

create view report.run_progress as
select r.tenant_id, r.run_id, c.listing, sum(jsonb_array_length(c.chunks))::bigint as chunks, sum(n.rows_read)::bigint as rows_read,
    max(c.written_at) as last_written_at
from syncer.checkpoints c
join syncer.runs r on r.run_id = c.run_id
cross join lateral (select coalesce(sum((chunk ->> 'n')::bigint), 0) as rows_read from jsonb_array_elements(c.chunks) chunk) n
group by r.tenant_id, r.run_id, c.listing;
comment on view report.run_progress is 'How far are the runs that are not published, and how far were those that died? One row a run and listing of which something was read.';

create view report.privacy_rules as
select t.tenant_id, rules.key as table_name, rules.value as rules, r.run_id, r.published_at
from syncer.tenants t
cross join lateral jsonb_each_text(t.privacy_rules) rules
left join syncer.runs r on r.run_id = (t.privacy_run_ids ->> rules.key)::bigint;
comment on view report.privacy_rules is 'Which privacy rules do the stored rows follow? One row a tenant and table with rules.';

create view report.erasures as
select e.tenant_id, e.erasure_id, e.erased_at, e.erased_by, e.people, e.erased_rows, e.salt, e.user_hashes
from syncer.erasures e;
comment on view report.erasures is 'When were people erased from the mirror, how many, and by whom? One row a call of syncer forget. For a given id, report.erasures_of.';

create function report.erasure_hash(salt bytea, tenant text, user_id text)
returns bytea
language sql immutable
as $$ select sha256(salt || convert_to(tenant || '/' || user_id, 'UTF8')) $$;
comment on function report.erasure_hash is 'What an erasure keeps of the id of a user.';


-- What an answer does not say is a notice in psql and a line below the answer in
-- syncer report; where there is no answer at all it is an error. The codes are LS001 (not mirrored), LS002 (no answer before) and LS003
-- (an unknown name).

create function report.few(names text[])
returns text
language sql immutable
as $$ select array_to_string(names[:5], ', ') || case when cardinality(names) > 5 then format(' and %s more', cardinality(names) - 5) else '' end $$;
comment on function report.few is 'The names as a list; of more than five the first five, and how many more there are.';

-- +goose StatementBegin
create function report.add_notice(code text, message text, hint text)
returns void
language plpgsql
as $$
declare
    earlier constant text := coalesce(current_setting('report.notices', true), '');
    line constant text := message || E'\t' || hint;
begin
    if line = any (string_to_array(earlier, E'\n')) then
        return; -- once a statement
    end if;
    raise notice '%', message using errcode = code, hint = hint;
    perform set_config('report.notices', case earlier when '' then line else earlier || E'\n' || line end, true);
end
$$;
-- +goose StatementEnd
comment on function report.add_notice is 'Raises a notice, once a statement, and keeps it in the setting report.notices of the transaction, where syncer report reads it.';

-- +goose StatementBegin
create function report.require_tables(tables text[], tenant text default null)
returns void
language plpgsql stable
as $$
declare
    lacking record;
    answerable boolean;
begin
    perform report.require_tenant(tenant);
    select exists (
        select from report.tenants t
        where (require_tables.tenant is null or t.tenant_id = require_tables.tenant)
            and not exists (
                select from unnest(tables) wanted (table_name)
                where not exists (select from report.mirrored_tables m where m.tenant_id = t.tenant_id and m.table_name = wanted.table_name))
    ) into answerable;
    for lacking in
        select f.listing, f.state, report.few(array_agg(f.tenant_id::text order by f.tenant_id)) as tenants
        from report.freshness f
        where f.table_names && tables and (require_tables.tenant is null or f.tenant_id = require_tables.tenant)
            and not exists (select from report.mirrored_tables m where m.tenant_id = f.tenant_id and m.listing = f.listing)
        group by f.listing, f.state
        order by f.listing
    loop
        if answerable then
            perform report.add_notice('LS001', format('%s: %s is %s', lacking.tenants, lacking.listing, lacking.state), format('add %s to listings in jobs.yaml', lacking.listing));
        else
            raise exception '%: % is %', lacking.tenants, lacking.listing, lacking.state
                using errcode = 'LS001', hint = format('add %s to listings in jobs.yaml', lacking.listing);
        end if;
    end loop;
end
$$;
-- +goose StatementEnd
comment on function report.require_tables is 'Says which listings a question needs and does not have: a notice for each, an error if no tenant has all of them.';

-- +goose StatementBegin
create function report.require_tenant(tenant text)
returns void
language plpgsql stable
as $$
begin
    if tenant is not null and not exists (select from report.tenants t where t.tenant_id = require_tenant.tenant) then
        raise exception 'no tenant % is mirrored', quote_literal(tenant)
            using errcode = 'LS003', hint = 'there are: ' || coalesce((select string_agg(t.tenant_id, ', ' order by t.tenant_id) from report.tenants t), 'none');
    end if;
end
$$;
-- +goose StatementEnd
comment on function report.require_tenant is 'An error unless the tenant is mirrored, or null.';

-- +goose StatementBegin
create function report.erasures_of(user_id text default null, tenant text default null)
returns table (tenant_id text, erasure_id bigint, erased_at timestamptz, erased_by text, people integer, erased_rows jsonb)
language plpgsql stable
as $$
begin
    perform report.require_tenant(tenant);
    if user_id like '%@%' then
        raise exception 'an address is no id of a user'
            using errcode = 'LS003', hint = 'an erasure keeps nothing but hashes of ids; the id may be in the records of other systems';
    end if;
    return query select e.tenant_id::text, e.erasure_id, e.erased_at, e.erased_by, e.people, e.erased_rows from report.erasures e
        where (erasures_of.tenant is null or e.tenant_id = erasures_of.tenant)
            and (erasures_of.user_id is null or report.erasure_hash(e.salt, e.tenant_id, erasures_of.user_id) = any (e.user_hashes));
end
$$;
-- +goose StatementEnd
comment on function report.erasures_of is 'When was the user with this Logto id erased, and by whom? Null: all erasures. No rows: nobody with this id was erased.';

-- +goose StatementBegin
create function report.require_past(tables text[], moment timestamptz, tenant text default null, all_or_nothing boolean default false)
returns void
language plpgsql stable
as $$
declare
    lacking record;
    answerable boolean;
begin
    perform report.require_tenant(tenant);
    select exists (
        select from report.mirrored_tables m
        where m.table_name = any(tables) and (require_past.tenant is null or m.tenant_id = require_past.tenant) and m.history_since <= moment
    ) into answerable;
    for lacking in
        select m.history_since, array_agg(distinct m.tenant_id::text) as tenants, array_agg(distinct m.table_name) as table_names
        from report.mirrored_tables m
        where m.table_name = any(tables) and (require_past.tenant is null or m.tenant_id = require_past.tenant)
            and (m.history_since is null or m.history_since > moment)
        group by m.history_since
        order by m.history_since desc nulls first
    loop
        if all_or_nothing and not answerable then
            raise exception '%', report.past_notice(lacking.tenants, lacking.table_names, lacking.history_since)
                using errcode = 'LS002', hint = 'report.mirrored_tables has since when the past of each table is known';
        end if;
        perform report.add_notice('LS002', report.past_notice(lacking.tenants, lacking.table_names, lacking.history_since), 'report.mirrored_tables has since when the past of each table is known');
    end loop;
end
$$;
-- +goose StatementEnd
comment on function report.require_past is 'Says since when the past of tables is known if it is not at the moment: a notice, or an error if nothing can be answered.';

create function report.past_notice(tenants text[], table_names text[], since timestamptz)
returns text
language sql stable
as $$
    select case
        when since is null then format('%s: no answer about the past: no history of %s is kept', report.few(tenants), report.few(table_names))
        else format('%s: no answer before %s UTC: the history of %s begins then', report.few(tenants), to_char(since at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), report.few(table_names))
    end
$$;
comment on function report.past_notice is 'The notice for tables whose past is not known at a moment.';

-- +goose StatementBegin
create function report.tenants_known_at(moment timestamptz, tenant text default null)
returns setof text
language plpgsql stable
as $$
begin
    perform report.require_tenant(tenant);
    if moment < now() then
        perform report.require_past('{users}', moment, tenant, true);
        perform report.add_notice('LS002', 'users: of those who are there now, each by the last sign-in, which may be later than the moment: Logto keeps no other', 'the listing logs has every sign-in');
    end if;
    return query select t.tenant_id::text from report.tenants t
        where (tenants_known_at.tenant is null or t.tenant_id = tenants_known_at.tenant)
            and (moment >= now() or exists (select from report.mirrored_tables m where m.tenant_id = t.tenant_id and m.table_name = 'users' and m.history_since <= moment));
end
$$;
-- +goose StatementEnd
comment on function report.tenants_known_at is 'Tenants whose users are known at a moment; with notices, or an error if there is none.';

create view report.user_directory as
select u.tenant_id, u.id as user_id, u.username, u.primary_email, u.primary_phone, u.name, u.is_suspended, u.has_password,
    u.created_at, u.last_sign_in_at,
    (select a.name from logto.applications a where a.tenant_id = u.tenant_id and a.id = u.application_id) as signed_up_with,
    case when u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'user_roles'))
        then array(select r.name from logto.user_roles h join logto.roles r on r.tenant_id = h.tenant_id and r.id = h.role_id
            where h.tenant_id = u.tenant_id and h.user_id = u.id order by r.name) end as roles,
    case when u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_users'))
        then array(select o.name from logto.organization_users m join logto.organizations o on o.tenant_id = m.tenant_id and o.id = m.organization_id
            where m.tenant_id = u.tenant_id and m.user_id = u.id order by o.name) end as organizations,
    case when u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'user_identities'))
        then array(select i.target from logto.user_identities i
            where i.tenant_id = u.tenant_id and i.user_id = u.id order by i.target) end as social_identities,
    case when u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'user_sso_identities'))
        then array(select coalesce(c.connector_name, i.issuer) as connector from logto.user_sso_identities i
            left join logto.sso_connectors c on c.tenant_id = i.tenant_id and c.id = i.sso_connector_id
            where i.tenant_id = u.tenant_id and i.user_id = u.id order by connector) end as sso_identities,
    case when u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'user_mfa_verifications'))
        then array(select f.type from logto.user_mfa_verifications f
            where f.tenant_id = u.tenant_id and f.user_id = u.id order by f.type) end as mfa_factors
from logto.users u;
comment on view report.user_directory is 'Who is this person? One row for each user: roles, organizations, identities, second factors, last sign-in.';

create view report.user_permissions as
select h.tenant_id, h.user_id, null::text collate "C" as organization_id, null::text as organization, 'role' as through,
    r.id as role_id, r.name as role, s.id as scope_id, s.name as scope, a.name as resource, a.indicator,
    case when mh.history_since is not null and mg.history_since is not null then greatest(
        case when h.valid_from > mh.history_since then h.valid_from end,
        case when g.valid_from > mg.history_since then g.valid_from end) end as since,
    case
        when mh.history_since is null or mg.history_since is null then null
        when h.valid_from > mh.history_since and (g.valid_from <= mg.history_since or h.valid_from >= g.valid_from) then 'assignment'
        when g.valid_from > mg.history_since then 'change of the role' end as granted_by
from logto.user_roles h
join logto.roles r on r.tenant_id = h.tenant_id and r.id = h.role_id
join logto.role_scopes g on g.tenant_id = r.tenant_id and g.role_id = r.id
join logto.scopes s on s.tenant_id = g.tenant_id and s.id = g.scope_id
left join logto.resources a on a.tenant_id = s.tenant_id and a.id = s.resource_id
left join report.mirrored_tables mh on mh.tenant_id = h.tenant_id and mh.table_name = 'user_roles'
left join report.mirrored_tables mg on mg.tenant_id = g.tenant_id and mg.table_name = 'role_scopes'
union all
select h.tenant_id, h.user_id, o.id, o.name, 'organization role', r.id, r.name, s.id, s.name, null, null,
    case when mh.history_since is not null and mg.history_since is not null then greatest(
        case when h.valid_from > mh.history_since then h.valid_from end,
        case when g.valid_from > mg.history_since then g.valid_from end) end,
    case
        when mh.history_since is null or mg.history_since is null then null
        when h.valid_from > mh.history_since and (g.valid_from <= mg.history_since or h.valid_from >= g.valid_from) then 'assignment'
        when g.valid_from > mg.history_since then 'change of the role' end
from logto.organization_user_roles h
join logto.organizations o on o.tenant_id = h.tenant_id and o.id = h.organization_id
join logto.organization_roles r on r.tenant_id = h.tenant_id and r.id = h.organization_role_id
join logto.organization_role_scopes g on g.tenant_id = r.tenant_id and g.organization_role_id = r.id
join logto.organization_scopes s on s.tenant_id = g.tenant_id and s.id = g.organization_scope_id
left join report.mirrored_tables mh on mh.tenant_id = h.tenant_id and mh.table_name = 'organization_user_roles'
left join report.mirrored_tables mg on mg.tenant_id = g.tenant_id and mg.table_name = 'organization_role_scopes'
union all
select h.tenant_id, h.user_id, o.id, o.name, 'organization role', r.id, r.name, s.id, s.name, a.name, a.indicator,
    case when mh.history_since is not null and mg.history_since is not null then greatest(
        case when h.valid_from > mh.history_since then h.valid_from end,
        case when g.valid_from > mg.history_since then g.valid_from end) end,
    case
        when mh.history_since is null or mg.history_since is null then null
        when h.valid_from > mh.history_since and (g.valid_from <= mg.history_since or h.valid_from >= g.valid_from) then 'assignment'
        when g.valid_from > mg.history_since then 'change of the role' end
from logto.organization_user_roles h
join logto.organizations o on o.tenant_id = h.tenant_id and o.id = h.organization_id
join logto.organization_roles r on r.tenant_id = h.tenant_id and r.id = h.organization_role_id
join logto.organization_role_resource_scopes g on g.tenant_id = r.tenant_id and g.organization_role_id = r.id
join logto.scopes s on s.tenant_id = g.tenant_id and s.id = g.scope_id
left join logto.resources a on a.tenant_id = s.tenant_id and a.id = s.resource_id
left join report.mirrored_tables mh on mh.tenant_id = h.tenant_id and mh.table_name = 'organization_user_roles'
left join report.mirrored_tables mg on mg.tenant_id = g.tenant_id and mg.table_name = 'organization_role_resource_scopes';
comment on view report.user_permissions is 'What may this user do? One row for each user, permission and the role that grants it, across the tenant and in each organization. Suspended users are included: they keep their roles.';

create view report.application_permissions as
select h.tenant_id, h.application_id, null::text collate "C" as organization_id, null::text as organization, 'role' as through,
    r.id as role_id, r.name as role, s.id as scope_id, s.name as scope, a.name as resource, a.indicator,
    case when mh.history_since is not null and mg.history_since is not null then greatest(
        case when h.valid_from > mh.history_since then h.valid_from end,
        case when g.valid_from > mg.history_since then g.valid_from end) end as since,
    case
        when mh.history_since is null or mg.history_since is null then null
        when h.valid_from > mh.history_since and (g.valid_from <= mg.history_since or h.valid_from >= g.valid_from) then 'assignment'
        when g.valid_from > mg.history_since then 'change of the role' end as granted_by
from logto.application_roles h
join logto.roles r on r.tenant_id = h.tenant_id and r.id = h.role_id
join logto.role_scopes g on g.tenant_id = r.tenant_id and g.role_id = r.id
join logto.scopes s on s.tenant_id = g.tenant_id and s.id = g.scope_id
left join logto.resources a on a.tenant_id = s.tenant_id and a.id = s.resource_id
left join report.mirrored_tables mh on mh.tenant_id = h.tenant_id and mh.table_name = 'application_roles'
left join report.mirrored_tables mg on mg.tenant_id = g.tenant_id and mg.table_name = 'role_scopes'
union all
select h.tenant_id, h.application_id, o.id, o.name, 'organization role', r.id, r.name, s.id, s.name, null, null,
    case when mh.history_since is not null and mg.history_since is not null then greatest(
        case when h.valid_from > mh.history_since then h.valid_from end,
        case when g.valid_from > mg.history_since then g.valid_from end) end,
    case
        when mh.history_since is null or mg.history_since is null then null
        when h.valid_from > mh.history_since and (g.valid_from <= mg.history_since or h.valid_from >= g.valid_from) then 'assignment'
        when g.valid_from > mg.history_since then 'change of the role' end
from logto.organization_application_roles h
join logto.organizations o on o.tenant_id = h.tenant_id and o.id = h.organization_id
join logto.organization_roles r on r.tenant_id = h.tenant_id and r.id = h.organization_role_id
join logto.organization_role_scopes g on g.tenant_id = r.tenant_id and g.organization_role_id = r.id
join logto.organization_scopes s on s.tenant_id = g.tenant_id and s.id = g.organization_scope_id
left join report.mirrored_tables mh on mh.tenant_id = h.tenant_id and mh.table_name = 'organization_application_roles'
left join report.mirrored_tables mg on mg.tenant_id = g.tenant_id and mg.table_name = 'organization_role_scopes'
union all
select h.tenant_id, h.application_id, o.id, o.name, 'organization role', r.id, r.name, s.id, s.name, a.name, a.indicator,
    case when mh.history_since is not null and mg.history_since is not null then greatest(
        case when h.valid_from > mh.history_since then h.valid_from end,
        case when g.valid_from > mg.history_since then g.valid_from end) end,
    case
        when mh.history_since is null or mg.history_since is null then null
        when h.valid_from > mh.history_since and (g.valid_from <= mg.history_since or h.valid_from >= g.valid_from) then 'assignment'
        when g.valid_from > mg.history_since then 'change of the role' end
from logto.organization_application_roles h
join logto.organizations o on o.tenant_id = h.tenant_id and o.id = h.organization_id
join logto.organization_roles r on r.tenant_id = h.tenant_id and r.id = h.organization_role_id
join logto.organization_role_resource_scopes g on g.tenant_id = r.tenant_id and g.organization_role_id = r.id
join logto.scopes s on s.tenant_id = g.tenant_id and s.id = g.scope_id
left join logto.resources a on a.tenant_id = s.tenant_id and a.id = s.resource_id
left join report.mirrored_tables mh on mh.tenant_id = h.tenant_id and mh.table_name = 'organization_application_roles'
left join report.mirrored_tables mg on mg.tenant_id = g.tenant_id and mg.table_name = 'organization_role_resource_scopes';
comment on view report.application_permissions is 'What may this application do on its own? One row for each machine-to-machine application, permission and the role that grants it.';

create view report.permission_holders as
select p.tenant_id, p.scope_id, p.scope, p.resource, p.indicator, p.organization_id, p.organization, p.through, p.role_id, p.role,
    'user' as holder_type, u.id as holder_id, coalesce(u.primary_email, u.username, u.primary_phone, u.name) as holder, u.is_suspended, p.since, p.granted_by
from report.user_permissions p
join logto.users u on u.tenant_id = p.tenant_id and u.id = p.user_id
union all
select p.tenant_id, p.scope_id, p.scope, p.resource, p.indicator, p.organization_id, p.organization, p.through, p.role_id, p.role,
    'application', a.id, a.name, false, p.since, p.granted_by
from report.application_permissions p
join logto.applications a on a.tenant_id = p.tenant_id and a.id = p.application_id;
comment on view report.permission_holders is 'Who may do this? The reverse of user_permissions and application_permissions, for access reviews: filter by scope and indicator.';

create view report.organization_members as
select m.tenant_id, m.organization_id, o.name as organization, m.user_id, u.username, u.primary_email, u.name, u.is_suspended, u.last_sign_in_at,
    array(select r.name from logto.organization_user_roles h
        join logto.organization_roles r on r.tenant_id = h.tenant_id and r.id = h.organization_role_id
        where h.tenant_id = m.tenant_id and h.organization_id = m.organization_id and h.user_id = m.user_id
        order by r.name) as organization_roles
from logto.organization_users m
join logto.organizations o on o.tenant_id = m.tenant_id and o.id = m.organization_id
join logto.users u on u.tenant_id = m.tenant_id and u.id = m.user_id;
comment on view report.organization_members is 'Who is in this organization, with which roles? One row for each membership.';

create view report.role_members as
select h.tenant_id, h.role_id, r.name as role, 'user' as holder_type, h.user_id as holder_id,
    coalesce(u.primary_email, u.username, u.primary_phone, u.name) as holder, u.is_suspended, u.last_sign_in_at
from logto.user_roles h
join logto.roles r on r.tenant_id = h.tenant_id and r.id = h.role_id
join logto.users u on u.tenant_id = h.tenant_id and u.id = h.user_id
union all
select h.tenant_id, h.role_id, r.name, 'application', h.application_id, a.name, false, null
from logto.application_roles h
join logto.roles r on r.tenant_id = h.tenant_id and r.id = h.role_id
join logto.applications a on a.tenant_id = h.tenant_id and a.id = h.application_id;
comment on view report.role_members is 'Who holds this role? One row for each holder: a user, or a machine-to-machine application.';

create view report.users_without_access as
select u.tenant_id, u.id as user_id, u.username, u.primary_email, u.name, u.is_suspended, u.created_at, u.last_sign_in_at
from logto.users u
where not exists (select from logto.user_roles h where h.tenant_id = u.tenant_id and h.user_id = u.id)
    and not exists (select from logto.organization_users m where m.tenant_id = u.tenant_id and m.user_id = u.id)
    and u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'user_roles'))
    and u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_users'));
comment on view report.users_without_access is 'Who has no role and is in no organization?';

-- +goose StatementBegin
create function report.organizations_without(organization_role text, tenant text default null, must_exist boolean default true)
returns table (tenant_id text, organization_id text, organization text, created_at timestamptz, members bigint, suspended_holders bigint)
language plpgsql stable
as $$
begin
    if must_exist then
        perform from report.ids_named('organization role', organization_role, tenant);
    end if;
    perform report.require_tables('{organization_users}', tenant);
    return query
    with roles as (
        select r.tenant_id, r.id from logto.organization_roles r
        where (lower(r.name) = lower(organizations_without.organization_role) or r.id = organizations_without.organization_role)
            and (organizations_without.tenant is null or r.tenant_id = organizations_without.tenant)
            and r.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_users'))
    ), holders as (
        select h.tenant_id, h.organization_id, count(distinct u.id) as holders, count(distinct u.id) filter (where u.is_suspended) as suspended
        from roles r
        join logto.organization_user_roles h on h.tenant_id = r.tenant_id and h.organization_role_id = r.id
        join logto.users u on u.tenant_id = h.tenant_id and u.id = h.user_id
        group by h.tenant_id, h.organization_id
    )
    select o.tenant_id::text, o.id::text, o.name, o.created_at::timestamptz,
        (select count(*) from logto.organization_users m where m.tenant_id = o.tenant_id and m.organization_id = o.id),
        coalesce(h.suspended, 0)
    from logto.organizations o
    left join holders h on h.tenant_id = o.tenant_id and h.organization_id = o.id
    where o.tenant_id in (select r.tenant_id from roles r) and (h.holders is null or h.holders = h.suspended);
end
$$;
-- +goose StatementEnd
comment on function report.organizations_without is 'Which organizations have no member with this organization role (by id, or by name in any case), or only suspended ones? suspended_holders counts those. Tenants without such a role are left out; if none has it, that is an error unless must_exist is false.';

create view report.organizations_without_owner as
select w.tenant_id, w.organization_id, w.organization, w.created_at, w.members, w.suspended_holders as suspended_owners
from report.organizations_without('owner', null, false) w;
comment on view report.organizations_without_owner is 'Which organizations have no active owner? Those without a member who holds the organization role owner and is not suspended; tenants without a role of this name are left out. For a role of another name, report.organizations_without(name).';

create view report.invitations as
select i.tenant_id, i.id as invitation_id, i.organization_id, o.name as organization, i.invitee, i.status,
    i.status = 'Pending' and i.expires_at > now() as is_open, i.created_at, i.expires_at,
    i.inviter_id, coalesce(b.primary_email, b.username, b.name) as inviter,
    i.accepted_user_id, coalesce(a.primary_email, a.username, a.name) as accepted_user,
    array(select r.name from logto.organization_invitation_roles g
        join logto.organization_roles r on r.tenant_id = g.tenant_id and r.id = g.organization_role_id
        where g.tenant_id = i.tenant_id and g.organization_invitation_id = i.id order by r.name) as organization_roles
from logto.organization_invitations i
left join logto.organizations o on o.tenant_id = i.tenant_id and o.id = i.organization_id
left join logto.users b on b.tenant_id = i.tenant_id and b.id = i.inviter_id
left join logto.users a on a.tenant_id = i.tenant_id and a.id = i.accepted_user_id;
comment on view report.invitations is 'Which invitations are open, expired, accepted or revoked? One row for each invitation.';

create view report.sign_ups_by_day as
select u.tenant_id, date_trunc('day', u.created_at at time zone 'UTC')::date as day, count(*) as sign_ups,
    count(*) filter (where u.last_sign_in_at >= u.created_at + interval '1 day') as came_back
from logto.users u
group by 1, 2;
comment on view report.sign_ups_by_day is 'How many people signed up each day, and how many of them came back? Users deleted since then are not counted.';

create view report.sign_ups_by_week as
select u.tenant_id, date_trunc('week', u.created_at at time zone 'UTC')::date as week, count(*) as sign_ups,
    count(*) filter (where u.last_sign_in_at >= u.created_at + interval '1 day') as came_back
from logto.users u
group by 1, 2;
comment on view report.sign_ups_by_week is 'How many people signed up each week, and how many of them came back? Users deleted since then are not counted.';

create view report.sign_ups_by_month as
select u.tenant_id, date_trunc('month', u.created_at at time zone 'UTC')::date as month, count(*) as sign_ups,
    count(*) filter (where u.last_sign_in_at >= u.created_at + interval '1 day') as came_back
from logto.users u
group by 1, 2;
comment on view report.sign_ups_by_month is 'How many people signed up each month, and how many of them came back? Users deleted since then are not counted.';

-- +goose StatementBegin
create function report.active_users_at(at timestamptz, tenant text default null)
returns table (tenant_id text, users bigint, within_1_day bigint, within_7_days bigint, within_30_days bigint, within_90_days bigint, never bigint)
language plpgsql stable
as $$
declare
    tenants constant text[] := array(select report.tenants_known_at(at, tenant));
begin
    return query
        select u.tenant_id::text, count(*),
            count(*) filter (where u.last_sign_in_at > at - interval '1 day'),
            count(*) filter (where u.last_sign_in_at > at - interval '7 days'),
            count(*) filter (where u.last_sign_in_at > at - interval '30 days'),
            count(*) filter (where u.last_sign_in_at > at - interval '90 days'),
            count(*) filter (where u.last_sign_in_at is null)
        from logto.users u
        where u.tenant_id = any(tenants) and u.created_at <= at
        group by u.tenant_id;
end
$$;
-- +goose StatementEnd
comment on function report.active_users_at is 'How many of today''s users had their last sign-in in the 1, 7, 30, 90 days before a moment, or later? Logto keeps only the last sign-in, so later ones count too. A moment before the history of users begins is an error.';

create view report.active_users as
select u.tenant_id, count(*) as users,
    count(*) filter (where u.last_sign_in_at > now() - interval '1 day') as within_1_day,
    count(*) filter (where u.last_sign_in_at > now() - interval '7 days') as within_7_days,
    count(*) filter (where u.last_sign_in_at > now() - interval '30 days') as within_30_days,
    count(*) filter (where u.last_sign_in_at > now() - interval '90 days') as within_90_days,
    count(*) filter (where u.last_sign_in_at is null) as never
from logto.users u
where u.created_at <= now()
group by u.tenant_id;
comment on view report.active_users is 'How many users are active? One row for each tenant, by last sign-in, as of now.';

create view report.last_sign_ins_by_day as
select u.tenant_id, date_trunc('day', u.last_sign_in_at at time zone 'UTC')::date as day, count(*) as users
from logto.users u
where u.last_sign_in_at is not null
group by 1, 2;
comment on view report.last_sign_ins_by_day is 'When were people last seen? How many users have their last sign-in on each day.';

-- +goose StatementBegin
create function report.dormant_users_at(at timestamptz, days integer default 90, tenant text default null)
returns table (tenant_id text, user_id text, username text, primary_email text, name text, is_suspended boolean, last_sign_in_at timestamptz, days_away integer)
language plpgsql stable
as $$
declare
    tenants constant text[] := array(select report.tenants_known_at(at, tenant));
begin
    return query
        select u.tenant_id::text, u.id::text, u.username, u.primary_email, u.name, u.is_suspended, u.last_sign_in_at::timestamptz,
            floor(extract(epoch from at - u.last_sign_in_at) / 86400)::integer
        from logto.users u
        where u.tenant_id = any(tenants) and u.last_sign_in_at < at - make_interval(days => dormant_users_at.days);
end
$$;
-- +goose StatementEnd
comment on function report.dormant_users_at is 'Which of today''s users had not signed in for this many days, at a moment, and have not since? Users who never signed in are in report.never_signed_in. A moment before the history of users begins is an error.';

create view report.dormant_users as
select u.tenant_id, u.id as user_id, u.username, u.primary_email, u.name, u.is_suspended, u.last_sign_in_at,
    floor(extract(epoch from now() - u.last_sign_in_at) / 86400)::integer as days_away
from logto.users u
where u.last_sign_in_at < now() - interval '90 days';
comment on view report.dormant_users is 'Who has not signed in for 90 days? For another number, report.dormant_users_at(now(), days).';

create view report.never_signed_in as
select u.tenant_id, u.id as user_id, u.username, u.primary_email, u.name, u.is_suspended, u.created_at
from logto.users u
where u.last_sign_in_at is null;
comment on view report.never_signed_in is 'Who never signed in?';

create view report.suspended_users as
select u.tenant_id, u.id as user_id, u.username, u.primary_email, u.name, u.created_at, u.last_sign_in_at,
    case when u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'user_roles'))
        then (select count(*) from logto.user_roles h where h.tenant_id = u.tenant_id and h.user_id = u.id) end as role_count,
    case when u.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_users'))
        then (select count(*) from logto.organization_users m where m.tenant_id = u.tenant_id and m.user_id = u.id) end as organization_count
from logto.users u
where u.is_suspended;
comment on view report.suspended_users is 'Who is suspended, and how many roles and organizations do they have?';

-- Shared values are searched among hashes, which sort faster than texts. Few users
-- share one, and those are compared again, because two texts can have one hash.
create view report.duplicate_people as
with shared_addresses as materialized (
    select hashtextextended(lower(u.primary_email), 0) as hash
    from logto.users u
    where u.primary_email is not null
    group by 1
    having count(*) > 1
), shared_phones as materialized (
    select hashtextextended(u.primary_phone, 0) as hash
    from logto.users u
    where u.primary_phone is not null
    group by 1
    having count(*) > 1
), shared_identities as materialized (
    select hashtextextended(i.identity_user_id, 0) as hash
    from logto.user_identities i
    where i.identity_user_id is not null
    group by i.tenant_id, i.target, 1
    having count(*) > 1
)
select u.tenant_id, 'e-mail' as kind, lower(u.primary_email) as value, count(*) as users, array_agg(u.id order by u.id) as user_ids
from logto.users u
where hashtextextended(lower(u.primary_email), 0) in (select s.hash from shared_addresses s)
group by u.tenant_id, lower(u.primary_email)
having count(*) > 1
union all
select u.tenant_id, 'phone', u.primary_phone, count(*), array_agg(u.id order by u.id)
from logto.users u
where hashtextextended(u.primary_phone, 0) in (select s.hash from shared_phones s)
group by u.tenant_id, u.primary_phone
having count(*) > 1
union all
select i.tenant_id, 'social identity', i.target || ' ' || i.identity_user_id, count(*), array_agg(i.user_id order by i.user_id)
from logto.user_identities i
where hashtextextended(i.identity_user_id, 0) in (select s.hash from shared_identities s)
group by i.tenant_id, i.target, i.identity_user_id
having count(*) > 1
union all
select i.tenant_id, 'enterprise identity', i.issuer || ' ' || i.identity_id, count(distinct i.user_id), array_agg(distinct i.user_id order by i.user_id)
from logto.user_sso_identities i
where i.issuer is not null and i.identity_id is not null
group by i.tenant_id, i.issuer, i.identity_id
having count(distinct i.user_id) > 1;
comment on view report.duplicate_people is 'Which accounts may be one person? Same e-mail address in any case, same phone, same external identity.';

create view report.organization_email_domains as
select m.tenant_id, m.organization_id, o.name as organization, d.domain, count(*) as members,
    case when m.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_jit_email_domains'))
        then exists (select from logto.organization_jit_email_domains j
            where j.tenant_id = m.tenant_id and j.organization_id = m.organization_id and lower(j.email_domain) = d.domain) end as joins_by_itself
from logto.organization_users m
join logto.organizations o on o.tenant_id = m.tenant_id and o.id = m.organization_id
join logto.users u on u.tenant_id = m.tenant_id and u.id = m.user_id
cross join lateral (select lower(split_part(u.primary_email, '@', 2)) as domain) d
where u.primary_email is not null
group by m.tenant_id, m.organization_id, o.name, d.domain;
comment on view report.organization_email_domains is 'Which e-mail domains are in this organization? Shows strangers in a customer''s organization.';

create view report.identity_providers as
select i.tenant_id, 'social' as kind, i.target as provider, count(*) as identities, count(distinct i.user_id) as users
from logto.user_identities i
group by i.tenant_id, i.target
union all
select i.tenant_id, 'enterprise', coalesce(c.connector_name, i.issuer), count(*), count(distinct i.user_id)
from logto.user_sso_identities i
left join logto.sso_connectors c on c.tenant_id = i.tenant_id and c.id = i.sso_connector_id
group by i.tenant_id, coalesce(c.connector_name, i.issuer);
comment on view report.identity_providers is 'Which other providers do people sign in with? Social and enterprise identities by provider.';

-- Users are counted in one pass, not once for each application.
create view report.application_directory as
select a.tenant_id, a.id as application_id, a.name as application, a.type, a.is_third_party, a.created_at,
    case when a.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'application_roles'))
        then array(select r.name from logto.application_roles h join logto.roles r on r.tenant_id = h.tenant_id and r.id = h.role_id
            where h.tenant_id = a.tenant_id and h.application_id = a.id order by r.name) end as roles,
    case when a.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_applications'))
        then array(select o.name from logto.organization_applications s join logto.organizations o on o.tenant_id = s.tenant_id and o.id = s.organization_id
            where s.tenant_id = a.tenant_id and s.application_id = a.id order by o.name) end as organizations,
    case when a.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'users'))
        then coalesce(u.sign_ups, 0) end as sign_ups
from logto.applications a
left join (select tenant_id, application_id, count(*) as sign_ups from logto.users group by tenant_id, application_id) u
    on u.tenant_id = a.tenant_id and u.application_id = a.id;
comment on view report.application_directory is 'Which applications exist, of which type, which organizations do they serve, how many users signed up through them?';

-- Counted for all organizations at once: by index for each of 50,000 organizations it
-- took 14 s. A count that nobody asks for is not computed.
create view report.organization_directory as
select o.tenant_id, o.id as organization_id, o.name as organization, o.created_at, o.is_mfa_required,
    case when o.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_users'))
        then coalesce(m.members, 0) end as members,
    case when o.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_users'))
        then coalesce(a.suspended_members, 0) end as suspended_members,
    a.last_sign_in_at,
    case when o.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_applications'))
        then coalesce(s.applications, 0) end as applications,
    case when o.tenant_id = any (array(select k.tenant_id from report.mirrored_tables k where k.table_name = 'organization_invitations'))
        then coalesce(i.pending_invitations, 0) end as pending_invitations
from logto.organizations o
left join (
    select m.tenant_id, m.organization_id, count(*) as members
    from logto.organization_users m
    group by m.tenant_id, m.organization_id
) m on m.tenant_id = o.tenant_id and m.organization_id = o.id
left join (
    select m.tenant_id, m.organization_id, count(*) filter (where u.is_suspended) as suspended_members, max(u.last_sign_in_at) as last_sign_in_at
    from logto.organization_users m
    join logto.users u on u.tenant_id = m.tenant_id and u.id = m.user_id
    group by m.tenant_id, m.organization_id
) a on a.tenant_id = o.tenant_id and a.organization_id = o.id
left join (
    select s.tenant_id, s.organization_id, count(*) as applications
    from logto.organization_applications s
    group by s.tenant_id, s.organization_id
) s on s.tenant_id = o.tenant_id and s.organization_id = o.id
left join (
    select i.tenant_id, i.organization_id, count(*) as pending_invitations
    from logto.organization_invitations i
    where i.status = 'Pending'
    group by i.tenant_id, i.organization_id
) i on i.tenant_id = o.tenant_id and i.organization_id = o.id;
comment on view report.organization_directory is 'Which organizations exist, how big and how active are they? One row for each organization.';

create view report.organization_growth as
select o.tenant_id, date_trunc('month', o.created_at at time zone 'UTC')::date as month, count(*) as organizations_created,
    sum(count(*)) over (partition by o.tenant_id order by date_trunc('month', o.created_at at time zone 'UTC')::date)::bigint as organizations_so_far
from logto.organizations o
group by 1, 2;
comment on view report.organization_growth is 'How does the number of organizations grow? By month of creation, of those that exist now; months without any have no row.';

-- +goose StatementBegin
-- A column name means the same in every view, so it is explained once.
do $$
declare
    meanings constant jsonb := $json${
        "tenant_id": "Tenant the row belongs to: its name in jobs.yaml.",
        "user_id": "Logto id of the user.",
        "username": "Username. Null: none set.",
        "primary_email": "E-mail address the user signs in with. Null: none set.",
        "primary_phone": "Phone number the user signs in with, digits only with country code. Null: none set.",
        "name": "Display name of the user. Null: none set.",
        "is_suspended": "True: cannot sign in. Applications are never suspended.",
        "has_password": "True: a password is set. Null: the server is too old to say.",
        "created_at": "When it was created in Logto.",
        "last_sign_in_at": "Last sign-in; of an organization, of any of its members. Null: never, or an application.",
        "signed_up_with": "Name of the application the user signed up with. Null: created otherwise, or the application was deleted.",
        "roles": "Names of the roles held. Empty: none. Null: not known, their listing is not mirrored.",
        "organizations": "Names of the organizations it belongs to or serves. Empty: none. Null: not known, their listing is not mirrored.",
        "social_identities": "Providers of the social identities. Empty: none. Null: not known.",
        "sso_identities": "Connectors, or issuers, of the enterprise identities. Empty: none. Null: not known, the listing user_sso_identities is not mirrored.",
        "mfa_factors": "Types of the second factors. Empty: none. Null: not known, the listing user_mfa_verifications is not mirrored.",
        "organization_id": "Logto id of the organization. Null: the permission holds across the tenant.",
        "organization": "Name of the organization. Null: the permission holds across the tenant.",
        "through": "What grants the permission: role or organization role.",
        "role_id": "Logto id of the role or organization role.",
        "role": "Name of the role or organization role.",
        "scope_id": "Logto id of the permission or organization permission.",
        "scope": "Name of the permission as in the scope claim, such as read:orders.",
        "resource": "Name of the API resource the permission is of. Null: an organization permission.",
        "indicator": "Resource indicator: the audience of the access token. Null: an organization permission.",
        "since": "Since when: the later of the moments at which the role was assigned and the role got the permission, as of the run that saw it. Null: not known, both were there already when the history of their tables began (see report.mirrored_tables), or none is kept.",
        "granted_by": "Which of the two came last: assignment, or change of the role. Null: not known.",
        "application_id": "Logto id of the application; its client_id.",
        "application": "Name of the application.",
        "holder_type": "user or application.",
        "holder_id": "Logto id of the user or application.",
        "holder": "Display name: the first of e-mail address, username, phone and name that the user has; name of the application.",
        "organization_roles": "Names of the organization roles held, or granted by the invitation. Empty: none.",
        "members": "Number of members of the organization, or of those with an address in the domain. Null: not known, organization_users is not mirrored.",
        "suspended_owners": "Number of suspended owners.",
        "suspended_members": "Number of suspended members. Null: not known.",
        "invitation_id": "Logto id of the invitation.",
        "invitee": "E-mail address invited.",
        "status": "Of an invitation: Pending, Accepted, Expired or Revoked, as of the last run. Of a run: running, stopped, succeeded, unproved, refused, failed or abandoned.",
        "is_open": "True: pending and not expired.",
        "expires_at": "When it expires.",
        "inviter_id": "The user who invites. Null: sent by the Management API.",
        "inviter": "E-mail address, username or name of the inviter. Null: sent by the Management API.",
        "accepted_user_id": "The user who accepted. Null: not accepted.",
        "accepted_user": "E-mail address, username or name of who accepted. Null: not accepted.",
        "day": "Day, in UTC.",
        "week": "Monday the week begins with, in UTC.",
        "month": "First day of the month, in UTC.",
        "sign_ups": "Number of users created in the period, or who signed up with the application. Null: not known, users is not mirrored.",
        "came_back": "Number of them whose last sign-in was a day or more after they were created.",
        "users": "Number of users.",
        "within_1_day": "Number of users whose last sign-in was within 1 day.",
        "within_7_days": "Number of users whose last sign-in was within 7 days.",
        "within_30_days": "Number of users whose last sign-in was within 30 days.",
        "within_90_days": "Number of users whose last sign-in was within 90 days.",
        "never": "Number of users who never signed in.",
        "days_away": "Whole days since the last sign-in.",
        "role_count": "Number of roles the user holds. Null: not known, user_roles is not mirrored.",
        "organization_count": "Number of organizations the user is a member of. Null: not known, organization_users is not mirrored.",
        "kind": "Of duplicates: e-mail, phone, social identity or enterprise identity. Of providers: social or enterprise.",
        "value": "What the accounts share: the address in lower case, the phone, or provider and id.",
        "user_ids": "Logto ids of the users.",
        "domain": "Part of the e-mail address after the @, in lower case.",
        "joins_by_itself": "True: users with such an address join the organization through just-in-time provisioning. Null: not known, organization_jit_email_domains is not mirrored.",
        "provider": "Target of the social connector; name or issuer of the enterprise connector.",
        "identities": "Number of identities.",
        "type": "Native, SPA, Traditional, MachineToMachine, Protected or SAML.",
        "is_third_party": "True: a third-party application, which asks users for consent.",
        "is_mfa_required": "True: members need multi-factor authentication. Null: the server is too old to say.",
        "applications": "Number of applications that belong to the organization. Null: not known.",
        "pending_invitations": "Number of invitations that were pending at the last run. Null: not known.",
        "organizations_created": "Number of today's organizations created in the month.",
        "organizations_so_far": "Number of today's organizations that existed at its end.",
        "listing": "The listing; its root table has the same name.",
        "is_optional": "True: mirrored only where jobs.yaml names it.",
        "table_names": "Tables of schema logto that the listing fills.",
        "table_name": "Table of schema logto.",
        "state": "proved (by its last reading), not proved or failed (see reason), unknown to server (this Logto has no such listing), or not mirrored (no published run read it: name it in listings in jobs.yaml).",
        "first_proved_at": "When its first complete reading was published. Before, a missing row says nothing.",
        "history_since": "When its history begins: versions replaced or deleted since are kept. Null: no history is kept.",
        "attempted_at": "When its last attempt began.",
        "waiting": "What the run is waiting for, such as a server that does not answer. Null: it is not waiting, or it has ended.",
        "waiting_since": "Since when it has been waiting.",
        "error": "Why it failed or was refused. Null: it did not fail.",
        "listing_count": "How many listings it reads.",
        "chunks": "How many chunks of it are read and stored: about one a request.",
        "rows_read": "How many rows they have.",
        "last_written_at": "When the last of them was stored.",
        "rules": "Rules by column, and behind them what identifies the key of hashes.",
        "erasure_id": "Number of the erasure.",
        "erased_at": "When they were erased.",
        "erased_by": "Role of the database that erased them.",
        "people": "How many people were named.",
        "erased_rows": "Object, table to the number of rows erased.",
        "salt": "Random bytes that the hashes are made with.",
        "user_hashes": "Hashes of the Logto ids of the users, made by report.erasure_hash. Empty: only invitations sent to an address.",
        "run_id": "Number of the run.",
        "proof": "complete: the table equals the listing. not proved, failed, unknown to server: see reason. Null: not mirrored.",
        "reason": "Why the proof is not complete. Null: it is, or the listing is not mirrored.",
        "parents": "How many parents it was read for; 1 for a listing without parents.",
        "walk": "How it was read: whole, pages, split, refresh or window.",
        "total": "Total-Number of the server. Null: the list came in one response without a count.",
        "distinct_ids": "Distinct items read.",
        "inserted": "Rows new in the table.",
        "updated": "Rows replaced.",
        "deleted": "Rows deleted.",
        "unchanged": "Rows that did not change.",
        "requests": "Number of requests.",
        "notes": "Findings that do not change the proof. Null: none.",
        "read_at": "When reading the listing ended. The mirror shows this moment.",
        "published_at": "When the run was published. Null: it was not.",
        "last_proved_at": "When it was last read to a complete proof. Null: never.",
        "followed_until": "Changes that followed_sources told of up to this moment, by the clock of Logto, are in the mirror. Null: it is not followed.",
        "followed_sources": "What tells of changes between two proofs, such as hook events. Null: it is not followed.",
        "followed_gap": "Why it is not followed further. Null: nothing is in the way.",
        "job": "Job in jobs.yaml that the run belongs to; empty: none.",
        "mode": "run: uses what the mirror knows. backfill: reads everything as if for the first time.",
        "attempt": "Number of attempts.",
        "started_at": "When the first attempt started.",
        "finished_at": "When the last attempt ended. Null: it is running, or its process died.",
        "retries": "Requests that repeated a failed request.",
        "throttled": "Responses that asked to slow down (429 or 503).",
        "seconds": "Duration of all attempts, in seconds.",
        "first_seen_at": "When its first run started.",
        "first_published_at": "When it was first published. Null: never.",
        "last_published_at": "When it was last published. Null: never.",
        "response_header_limit": "Largest response header, in bytes, that a proxy before the tenant lets through. Null: no limit is known.",
        "ids_per_request": "How many ids the request named that the proxy let through when the limit was found.",
        "request_limit_status": "HTTP status that the proxy answered to a larger request.",
        "request_limit_found_at": "When the limit was found."
    }$json$;
    shown record;
begin
    for shown in
        select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' and a.attnum > 0
    loop
        execute format('comment on column report.%I.%I is %L', shown.relname, shown.attname, meanings ->> shown.attname);
    end loop;
end
$$;
-- +goose StatementEnd
