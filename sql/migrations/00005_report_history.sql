-- +goose Up
-- What was, from the versions the mirror keeps. A version is valid from the
-- run that first saw it until the run that no longer did, so a moment is known
-- to the nearest run, and nothing is known of what ended before the first one:
-- see report.tenants.first_published_at.

create view report.access_history as
select h.tenant_id, 'role' as kind, 'user' as holder_type, h.user_id as holder_id, h.role_id, null::text collate "C" as organization_id,
    h.valid_from, null::timestamptz as valid_to
from logto.user_roles h
union all
select h.tenant_id, 'role', 'user', h.user_id, h.role_id, null, h.valid_from, h.valid_to from logto_history.user_roles h
union all
select h.tenant_id, 'role', 'application', h.application_id, h.role_id, null, h.valid_from, null from logto.application_roles h
union all
select h.tenant_id, 'role', 'application', h.application_id, h.role_id, null, h.valid_from, h.valid_to from logto_history.application_roles h
union all
select h.tenant_id, 'membership', 'user', h.user_id, null, h.organization_id, h.valid_from, null from logto.organization_users h
union all
select h.tenant_id, 'membership', 'user', h.user_id, null, h.organization_id, h.valid_from, h.valid_to from logto_history.organization_users h
union all
select h.tenant_id, 'membership', 'application', h.application_id, null, h.organization_id, h.valid_from, null
from logto.organization_applications h
union all
select h.tenant_id, 'membership', 'application', h.application_id, null, h.organization_id, h.valid_from, h.valid_to
from logto_history.organization_applications h
union all
select h.tenant_id, 'organization role', 'user', h.user_id, h.organization_role_id, h.organization_id, h.valid_from, null
from logto.organization_user_roles h
union all
select h.tenant_id, 'organization role', 'user', h.user_id, h.organization_role_id, h.organization_id, h.valid_from, h.valid_to
from logto_history.organization_user_roles h
union all
select h.tenant_id, 'organization role', 'application', h.application_id, h.organization_role_id, h.organization_id, h.valid_from, null
from logto.organization_application_roles h
union all
select h.tenant_id, 'organization role', 'application', h.application_id, h.organization_role_id, h.organization_id, h.valid_from, h.valid_to
from logto_history.organization_application_roles h;
comment on view report.access_history is 'Who held which role and was in which organization, from when to when? One row a version, those of today included.';
comment on column report.access_history.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column report.access_history.kind is 'role, membership of an organization, or organization role.';
comment on column report.access_history.holder_type is 'user or application.';
comment on column report.access_history.holder_id is 'Logto id of the user or application; it may be gone by now.';
comment on column report.access_history.role_id is 'Logto id of the role or organization role; it may be gone by now. Null: a membership.';
comment on column report.access_history.organization_id is 'Logto id of the organization; it may be gone by now. Null: a role across the tenant.';
comment on column report.access_history.valid_from is 'When the run that first saw it was published.';
comment on column report.access_history.valid_to is 'When the run that no longer saw it was published. Null: it still is.';

create view report.names as
select u.tenant_id, 'user' as kind, u.id, coalesce(u.primary_email, u.username, u.primary_phone, u.name) as name, null::timestamptz as valid_to
from logto.users u
union all
select u.tenant_id, 'user', u.id, coalesce(u.primary_email, u.username, u.primary_phone, u.name), u.valid_to from logto_history.users u
union all
select a.tenant_id, 'application', a.id, a.name, null from logto.applications a
union all
select a.tenant_id, 'application', a.id, a.name, a.valid_to from logto_history.applications a
union all
select r.tenant_id, 'role', r.id, r.name, null from logto.roles r
union all
select r.tenant_id, 'role', r.id, r.name, r.valid_to from logto_history.roles r
union all
select r.tenant_id, 'organization role', r.id, r.name, null from logto.organization_roles r
union all
select r.tenant_id, 'organization role', r.id, r.name, r.valid_to from logto_history.organization_roles r
union all
select o.tenant_id, 'organization', o.id, o.name, null from logto.organizations o
union all
select o.tenant_id, 'organization', o.id, o.name, o.valid_to from logto_history.organizations o;
comment on view report.names is 'What was that id called, even if it is gone? One row a version: the name it has now has no valid_to.';
comment on column report.names.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column report.names.kind is 'user, application, role, organization role or organization.';
comment on column report.names.id is 'Logto id.';
comment on column report.names.name is 'Name; of a user the e-mail address, username, phone or name, whichever is there first.';
comment on column report.names.valid_to is 'Until when it was called so, or was there. Null: it still is.';

create function report.name_of(tenant text, kind text, id text)
returns text
language sql stable
as $$
    select n.name from report.names n
    where n.tenant_id = name_of.tenant and n.kind = name_of.kind and n.id = name_of.id
    order by n.valid_to desc nulls first
    limit 1
$$;
comment on function report.name_of is 'The last known name of a user, application, role, organization role or organization (the kind) by its id. Null: never mirrored.';

-- +goose StatementBegin
create function report.role_holders_at(role text, at timestamptz)
returns table (tenant_id text, role_id text, holder_type text, holder_id text, holder text, valid_from timestamptz, valid_to timestamptz)
language plpgsql stable
as $$
declare
    role_ids text[];
begin
    select array_agg(distinct n.id) into role_ids from report.names n
    where n.kind = 'role' and (n.name = role_holders_at.role or n.id = role_holders_at.role);
    return query execute $query$
        select h.tenant_id::text, h.role_id::text, h.holder_type, h.holder_id::text,
            coalesce(u.primary_email, u.username, u.primary_phone, u.name, a.name, report.name_of(h.tenant_id, h.holder_type, h.holder_id)),
            h.valid_from, h.valid_to
        from report.access_history h
        left join logto.users u on h.holder_type = 'user' and u.tenant_id = h.tenant_id and u.id = h.holder_id
        left join logto.applications a on h.holder_type = 'application' and a.tenant_id = h.tenant_id and a.id = h.holder_id
        where h.kind = 'role' and h.role_id = any($1) and h.valid_from <= $2 and (h.valid_to > $2 or h.valid_to is null)
            and exists (select from report.names n where n.tenant_id = h.tenant_id and n.kind = 'role' and n.id = h.role_id and (n.name = $3 or n.id = $3))
        $query$
    using role_ids, at, role;
end
$$;
-- +goose StatementEnd
comment on function report.role_holders_at is 'Who held this role, by name or id, at a moment? A role that had the name once counts. Nobody before the first published run.';

create function report.organization_members_at(organization text, at timestamptz)
returns table (tenant_id text, organization_id text, holder_type text, holder_id text, holder text, organization_roles text[], valid_from timestamptz, valid_to timestamptz)
language sql stable
as $$
    with asked as (
        select distinct n.tenant_id, n.id from report.names n
        where n.kind = 'organization' and (n.name = organization_members_at.organization or n.id = organization_members_at.organization)
    ), valid as (
        select h.* from asked a
        join report.access_history h on h.tenant_id = a.tenant_id and h.organization_id = a.id
        where h.valid_from <= organization_members_at.at and (h.valid_to > organization_members_at.at or h.valid_to is null)
    )
    select m.tenant_id, m.organization_id, m.holder_type, m.holder_id,
        coalesce(u.primary_email, u.username, u.primary_phone, u.name, a.name, report.name_of(m.tenant_id, m.holder_type, m.holder_id)),
        array(select report.name_of(h.tenant_id, 'organization role', h.role_id) as name from valid h
            where h.kind = 'organization role' and h.tenant_id = m.tenant_id and h.organization_id = m.organization_id
                and h.holder_type = m.holder_type and h.holder_id = m.holder_id
            order by name),
        m.valid_from, m.valid_to
    from valid m
    left join logto.users u on m.holder_type = 'user' and u.tenant_id = m.tenant_id and u.id = m.holder_id
    left join logto.applications a on m.holder_type = 'application' and a.tenant_id = m.tenant_id and a.id = m.holder_id
    where m.kind = 'membership'
$$;
comment on function report.organization_members_at is 'Who was in this organization, by name or id, at a moment, and as what? Nobody before the first published run.';

create function report.access_changes(since timestamptz, until timestamptz default 'infinity')
returns table (tenant_id text, at timestamptz, change text, kind text, holder_type text, holder_id text, holder text, role_id text, role text, organization_id text, organization text)
language sql stable
as $$
    with changes as (
        select h.valid_from as at, 'granted' as change, h.* from report.access_history h
        where h.valid_from > access_changes.since and h.valid_from <= access_changes.until
        union all
        select h.valid_to, 'revoked', h.* from report.access_history h
        where h.valid_to > access_changes.since and h.valid_to <= access_changes.until
    )
    select c.tenant_id, c.at, c.change, c.kind, c.holder_type, c.holder_id,
        coalesce(u.primary_email, u.username, u.primary_phone, u.name, a.name, report.name_of(c.tenant_id, c.holder_type, c.holder_id)),
        c.role_id, report.name_of(c.tenant_id, c.kind, c.role_id), c.organization_id, report.name_of(c.tenant_id, 'organization', c.organization_id)
    from changes c
    left join logto.users u on c.holder_type = 'user' and u.tenant_id = c.tenant_id and u.id = c.holder_id
    left join logto.applications a on c.holder_type = 'application' and a.tenant_id = c.tenant_id and a.id = c.holder_id
$$;
comment on function report.access_changes is 'Which access was granted and revoked after one moment and up to another? Roles, memberships and organization roles; what the first run found counts as granted then. What a role grants is in report.changes_between.';

create function report.columns_changed(before jsonb, after jsonb)
returns text[]
language sql immutable strict
as $$
    select array(
        select key from jsonb_object_keys(before || after) as key
        where before -> key is distinct from after -> key
        order by key)
$$;
comment on function report.columns_changed is 'Names of the members in which two objects differ, sorted. Null: one of them is null.';

-- +goose StatementBegin
-- changes_between looks at every mirrored table, so it is put together from
-- what tables there are. A migration that adds one makes it anew.
do $$
declare
    mirrored record;
    parts text[] := '{}';
begin
    for mirrored in
        select c.relname,
            string_agg(quote_ident(a.attname), ', ' order by k.place) as key_columns,
            string_agg(quote_literal(a.attname) || ', ' || quote_ident(a.attname), ', ' order by k.place) filter (where a.attname <> 'tenant_id') as key_members
        from pg_class c
        join pg_index i on i.indrelid = c.oid and i.indisprimary
        cross join unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
        where c.relnamespace = 'logto'::regnamespace and c.relkind = 'r'
        group by c.relname
        order by c.relname
    loop
        parts := parts || format($part$
    select tenant_id::text, %1$L::text, at, jsonb_build_object(%3$s), b.row, a.row
    from (
        select %2$s, n.valid_from as at, to_jsonb(n) - '{tenant_id,item_hash,valid_from}'::text[] as row
        from logto.%1$I n where n.valid_from > $1 and n.valid_from <= $2
        union all
        select %2$s, n.valid_from, to_jsonb(n) - '{tenant_id,valid_from,valid_to}'::text[]
        from logto_history.%1$I n where n.valid_from > $1 and n.valid_from <= $2
    ) a
    full join (
        select %2$s, o.valid_to as at, to_jsonb(o) - '{tenant_id,valid_from,valid_to}'::text[] as row
        from logto_history.%1$I o where o.valid_to > $1 and o.valid_to <= $2
    ) b using (%2$s, at)$part$, mirrored.relname, mirrored.key_columns, mirrored.key_members);
    end loop;
    execute format($function$
create function report.changes_between(since timestamptz, until timestamptz)
returns table (tenant_id text, table_name text, at timestamptz, change text, key jsonb, changed_columns text[], before jsonb, after jsonb)
language sql stable
as $body$
with changes (tenant_id, table_name, at, key, before, after) as (%s
)
select c.tenant_id, c.table_name, c.at,
    case when c.before is null then 'inserted' when c.after is null then 'deleted' else 'updated' end,
    c.key, report.columns_changed(c.before, c.after), c.before, c.after
from changes c
$body$
$function$, array_to_string(parts, E'\n    union all'));
end
$$;
-- +goose StatementEnd
comment on function report.changes_between is 'What changed after one moment and up to another, in any table? One row a change: the key, what it was before (null: inserted) and after (null: deleted). What the first run found counts as inserted then; last_sign_in_at and updated_at alone are no change.';

create view report.changed_since_yesterday as
select c.tenant_id, c.table_name, c.at, c.change, c.key, c.changed_columns, c.before, c.after
from report.changes_between(now() - interval '1 day', 'infinity') c;
comment on view report.changed_since_yesterday is 'What changed in the last 24 hours? For other days, report.changes_between(since, until).';
comment on column report.changed_since_yesterday.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column report.changed_since_yesterday.table_name is 'Table of schema logto.';
comment on column report.changed_since_yesterday.at is 'When the run that saw it was published.';
comment on column report.changed_since_yesterday.change is 'inserted, updated or deleted.';
comment on column report.changed_since_yesterday.key is 'Key of the row, without tenant_id.';
comment on column report.changed_since_yesterday.changed_columns is 'Columns that differ, sorted. Null: inserted or deleted.';
comment on column report.changed_since_yesterday.before is 'The row as it was. Null: inserted.';
comment on column report.changed_since_yesterday.after is 'The row as it became. Null: deleted.';
