-- +goose Up
-- The past, from the versions in the mirror and its history. A version is valid from
-- the run that first saw it until the run that no longer did. So moments are known to
-- the nearest run, and nothing before the first run is known: see
-- report.tenants.first_published_at.

-- One join with the beginnings of all histories of a tenant: Citus refuses a query with
-- one in each part as soon as a condition leaves parts out, and of a join by table, too,
-- the planner expects far too few rows.
create view report.access_history as
select h.tenant_id, h.kind, h.holder_type, h.holder_id, h.role_id, h.organization_id,
    case when h.valid_from > b.history_since then h.valid_from end as valid_from, h.valid_to, b.history_since
from (
    select tenant_id, 'user_roles' as table_name, 'role' as kind, 'user' as holder_type, user_id as holder_id, role_id,
        null::text collate "C" as organization_id, valid_from, null::timestamptz as valid_to
    from logto.user_roles
    union all
    select tenant_id, 'user_roles', 'role', 'user', user_id, role_id, null, valid_from, valid_to from logto_history.user_roles
    union all
    select tenant_id, 'application_roles', 'role', 'application', application_id, role_id, null, valid_from, null from logto.application_roles
    union all
    select tenant_id, 'application_roles', 'role', 'application', application_id, role_id, null, valid_from, valid_to from logto_history.application_roles
    union all
    select tenant_id, 'organization_users', 'membership', 'user', user_id, null, organization_id, valid_from, null from logto.organization_users
    union all
    select tenant_id, 'organization_users', 'membership', 'user', user_id, null, organization_id, valid_from, valid_to from logto_history.organization_users
    union all
    select tenant_id, 'organization_applications', 'membership', 'application', application_id, null, organization_id, valid_from, null
    from logto.organization_applications
    union all
    select tenant_id, 'organization_applications', 'membership', 'application', application_id, null, organization_id, valid_from, valid_to
    from logto_history.organization_applications
    union all
    select tenant_id, 'organization_user_roles', 'organization role', 'user', user_id, organization_role_id, organization_id, valid_from, null
    from logto.organization_user_roles
    union all
    select tenant_id, 'organization_user_roles', 'organization role', 'user', user_id, organization_role_id, organization_id, valid_from, valid_to
    from logto_history.organization_user_roles
    union all
    select tenant_id, 'organization_application_roles', 'organization role', 'application', application_id, organization_role_id, organization_id, valid_from, null
    from logto.organization_application_roles
    union all
    select tenant_id, 'organization_application_roles', 'organization role', 'application', application_id, organization_role_id, organization_id, valid_from, valid_to
    from logto_history.organization_application_roles
) h
left join (
    select m.tenant_id,
        max(m.history_since) filter (where m.table_name = 'user_roles') as user_roles,
        max(m.history_since) filter (where m.table_name = 'application_roles') as application_roles,
        max(m.history_since) filter (where m.table_name = 'organization_users') as organization_users,
        max(m.history_since) filter (where m.table_name = 'organization_applications') as organization_applications,
        max(m.history_since) filter (where m.table_name = 'organization_user_roles') as organization_user_roles,
        max(m.history_since) filter (where m.table_name = 'organization_application_roles') as organization_application_roles
    from report.mirrored_tables m
    group by m.tenant_id
) m on m.tenant_id = h.tenant_id
cross join lateral (
    select case h.table_name
        when 'user_roles' then m.user_roles
        when 'application_roles' then m.application_roles
        when 'organization_users' then m.organization_users
        when 'organization_applications' then m.organization_applications
        when 'organization_user_roles' then m.organization_user_roles
        when 'organization_application_roles' then m.organization_application_roles
    end as history_since
) b
where h.valid_to is null or h.valid_to > b.history_since;
comment on view report.access_history is 'Who held which role and was in which organization, from when to when? One row for each version, including the current ones. What was there already when its history began has no valid_from.';
comment on column report.access_history.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column report.access_history.kind is 'role, membership of an organization, or organization role.';
comment on column report.access_history.holder_type is 'user or application.';
comment on column report.access_history.holder_id is 'Logto id of the user or application; it may have been deleted since.';
comment on column report.access_history.role_id is 'Logto id of the role or organization role; it may have been deleted since. Null: a membership.';
comment on column report.access_history.organization_id is 'Logto id of the organization; it may have been deleted since. Null: a role across the tenant.';
comment on column report.access_history.valid_from is 'When the run that first saw it was published. Null: not known, it was there already at history_since.';
comment on column report.access_history.valid_to is 'When the run that no longer saw it was published. Null: it is current.';
comment on column report.access_history.history_since is 'When the history of its table begins: nothing is known of what ended before. Null: no history of it is kept.';

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
comment on view report.names is 'What was the name of this id, even if it was deleted? One row for each version; the current name has no valid_to.';
comment on column report.names.tenant_id is 'Tenant the row belongs to: its name in jobs.yaml.';
comment on column report.names.kind is 'user, application, role, organization role or organization.';
comment on column report.names.id is 'Logto id.';
comment on column report.names.name is 'Name; of a user, the first of e-mail address, username, phone and name.';
comment on column report.names.valid_to is 'When the name changed or the row was deleted. Null: it is current.';

-- +goose StatementBegin
create function report.name_of(tenant text, kind text, id text)
returns text
language plpgsql stable
as $$
begin
    return (
        select n.name from report.names n
        where n.tenant_id = name_of.tenant and n.kind = name_of.kind and n.id = name_of.id
        order by n.valid_to desc nulls first
        limit 1);
end
$$;
-- +goose StatementEnd
comment on function report.name_of is 'The last known name of a user, application, role, organization role or organization (the kind) by its id. Null: never mirrored.';

-- +goose StatementBegin
create function report.ids_named(kind text, name text, tenant text default null, past boolean default false)
returns table (tenant_id text, id text)
language plpgsql stable
as $$
declare
    tenants text[]; -- so that the keys serve if there is no tenant, too
begin
    perform report.require_tenant(tenant);
    select case when ids_named.tenant is null then array_agg(t.tenant_id) else array[ids_named.tenant] end into tenants from report.tenants t;
    return query
        select distinct n.tenant_id::text, n.id::text from report.names n
        where n.kind = ids_named.kind and (n.id = ids_named.name or lower(n.name) = lower(ids_named.name))
            and n.tenant_id = any(tenants) and (past or n.valid_to is null);
    if not found then
        raise exception 'no % has the name or id %', kind, quote_literal(name)
            using errcode = 'LS003', hint = (
                select case when count(*) = 0 then format('there is no %s at all', kind) else 'there are: ' || string_agg(near.name, ', ') end
                from (
                    select n.name from report.names n
                    where n.kind = ids_named.kind and n.valid_to is null and (ids_named.tenant is null or n.tenant_id = ids_named.tenant)
                    group by n.name
                    order by position(lower(left(ids_named.name, 3)) in lower(n.name)) > 0 desc, abs(length(n.name) - length(ids_named.name)), n.name
                    limit 10
                ) near);
    end if;
end
$$;
-- +goose StatementEnd
comment on function report.ids_named is 'Ids of the applications, roles, organization roles or organizations (the kind) of a name, in any case, or of an id; with past, those that once had the name, too. An unknown name is an error.';

-- +goose StatementBegin
create function report.require_id(kinds text[], id text, tenant text default null)
returns void
language plpgsql stable
as $$
begin
    if id is not null and not exists (
        select n.id from report.names n -- Citus wants a column here
        where n.id = require_id.id and n.kind = any(kinds) and (require_id.tenant is null or n.tenant_id = require_id.tenant)
    ) then
        raise exception 'no % has the id %', array_to_string(kinds, ' or '), quote_literal(id)
            using errcode = 'LS003', hint = 'an id is looked for, among those that were deleted, too: report.names has all of them with their names';
    end if;
end
$$;
-- +goose StatementEnd
comment on function report.require_id is 'Fails unless something of one of the kinds of report.names has the id, or had it before it was deleted. No id is no error.';

-- +goose StatementBegin
create function report.role_holders_at(role text, at timestamptz, tenant text default null)
returns table (tenant_id text, role_id text, holder_type text, holder_id text, holder text, valid_from timestamptz, valid_to timestamptz)
language plpgsql stable
as $$
declare
    role_ids text[];
    tenants text[];
begin
    select array_agg(n.id), array_agg(n.tenant_id) into role_ids, tenants from report.ids_named('role', role, tenant, true) n;
    perform report.require_tables('{user_roles,application_roles}', tenant);
    perform report.require_past('{user_roles,application_roles}', at, tenant, true);
    return query execute $query$
        with held as materialized (
            select h.tenant_id, h.role_id, h.holder_type, h.holder_id, h.valid_from, h.valid_to,
                coalesce(u.primary_email, u.username, u.primary_phone, u.name, a.name) as holder
            from report.access_history h
            left join logto.users u on h.holder_type = 'user' and u.tenant_id = h.tenant_id and u.id = h.holder_id
            left join logto.applications a on h.holder_type = 'application' and a.tenant_id = h.tenant_id and a.id = h.holder_id
            where h.kind = 'role' and h.role_id = any($1) and h.tenant_id = any($3) and h.history_since <= $2
                and (h.valid_from <= $2 or h.valid_from is null) and (h.valid_to > $2 or h.valid_to is null)
        ), gone as materialized (
            select distinct on (n.tenant_id, n.kind, n.id) n.tenant_id, n.kind, n.id, n.name
            from report.names n
            where (n.tenant_id, n.kind, n.id) in (select h.tenant_id, h.holder_type, h.holder_id from held h where h.holder is null)
            order by n.tenant_id, n.kind, n.id, n.valid_to desc nulls first
        )
        select h.tenant_id::text, h.role_id::text, h.holder_type, h.holder_id::text, coalesce(h.holder, g.name), h.valid_from, h.valid_to
        from held h
        left join gone g on g.tenant_id = h.tenant_id and g.kind = h.holder_type and g.id = h.holder_id
        $query$
    using role_ids, at, tenants;
end
$$;
-- +goose StatementEnd
comment on function report.role_holders_at is 'Who held this role, by name or id, at a moment? A role that had the name once counts. valid_from is null for who held it already when its history began; a moment before that is an error.';

-- +goose StatementBegin
create function report.organization_members_at(organization text, at timestamptz, tenant text default null)
returns table (tenant_id text, organization_id text, holder_type text, holder_id text, holder text, organization_roles text[], valid_from timestamptz, valid_to timestamptz)
language plpgsql stable
as $$
declare
    organization_ids text[];
    tenants text[];
begin
    select array_agg(n.id), array_agg(n.tenant_id) into organization_ids, tenants from report.ids_named('organization', organization, tenant, true) n;
    perform report.require_tables('{organization_users,organization_user_roles,organization_applications,organization_application_roles}', tenant);
    perform report.require_past('{organization_users,organization_user_roles,organization_applications,organization_application_roles}', at, tenant, true);
    return query execute $query$
        with valid as materialized (
            select h.tenant_id, h.kind, h.organization_id, h.holder_type, h.holder_id, h.role_id, h.valid_from, h.valid_to
            from report.access_history h
            where h.organization_id = any($1) and h.tenant_id = any($3) and h.history_since <= $2
                and (h.valid_from <= $2 or h.valid_from is null) and (h.valid_to > $2 or h.valid_to is null)
        ), named as materialized (
            select distinct on (n.tenant_id, n.kind, n.id) n.tenant_id, n.kind, n.id, n.name
            from report.names n
            where (n.tenant_id, n.kind, n.id) in (
                select v.tenant_id, v.holder_type, v.holder_id from valid v where v.kind = 'membership'
                union all
                select v.tenant_id, v.kind, v.role_id from valid v where v.kind = 'organization role')
            order by n.tenant_id, n.kind, n.id, n.valid_to desc nulls first
        ), roles as (
            select v.tenant_id, v.organization_id, v.holder_type, v.holder_id, array_agg(n.name order by n.name) as names
            from valid v
            left join named n on n.tenant_id = v.tenant_id and n.kind = v.kind and n.id = v.role_id
            where v.kind = 'organization role'
            group by v.tenant_id, v.organization_id, v.holder_type, v.holder_id
        )
        select m.tenant_id::text, m.organization_id::text, m.holder_type, m.holder_id::text, n.name, coalesce(r.names, '{}'), m.valid_from, m.valid_to
        from valid m
        left join named n on n.tenant_id = m.tenant_id and n.kind = m.holder_type and n.id = m.holder_id
        left join roles r on r.tenant_id = m.tenant_id and r.organization_id = m.organization_id and r.holder_type = m.holder_type and r.holder_id = m.holder_id
        where m.kind = 'membership'
        $query$
    using organization_ids, at, tenants;
end
$$;
-- +goose StatementEnd
comment on function report.organization_members_at is 'Who was in this organization, by name or id, at a moment, and as what? valid_from is null for who was there already when its history began; a moment before that is an error.';

-- +goose StatementBegin
create function report.access_changes(since timestamptz, until timestamptz default 'infinity', tenant text default null, only_holder text default null, only_organization text default null)
returns table (tenant_id text, at timestamptz, change text, kind text, holder_type text, holder_id text, holder text, role_id text, role text, organization_id text, organization text)
language plpgsql stable
as $$
begin
    perform report.require_tables('{user_roles,application_roles,organization_users,organization_user_roles,organization_applications,organization_application_roles}', tenant);
    perform report.require_past('{user_roles,application_roles,organization_users,organization_user_roles,organization_applications,organization_application_roles}', since, tenant);
    perform report.require_id('{user,application}', only_holder, tenant);
    perform report.require_id('{organization}', only_organization, tenant);
    return query execute $query$
        with changes as materialized (
            select h.tenant_id, h.valid_from as at, 'granted' as change, h.kind, h.holder_type, h.holder_id, h.role_id, h.organization_id
            from report.access_history h
            where h.valid_from > $1 and h.valid_from <= $2 and ($3 is null or h.tenant_id = $3)
                and ($4 is null or h.holder_id = $4) and ($5 is null or h.organization_id = $5)
            union all
            select h.tenant_id, h.valid_to, 'revoked', h.kind, h.holder_type, h.holder_id, h.role_id, h.organization_id
            from report.access_history h
            where h.valid_to > $1 and h.valid_to <= $2 and ($3 is null or h.tenant_id = $3)
                and ($4 is null or h.holder_id = $4) and ($5 is null or h.organization_id = $5)
        ), named as materialized (
            select distinct on (n.tenant_id, n.kind, n.id) n.tenant_id, n.kind, n.id, n.name
            from report.names n
            where (n.tenant_id, n.kind, n.id) in (
                -- Of an array, the planner expects few: it looks each name up.
                select w.* from (
                    select array_agg(i.tenant_id) as tenant_ids, array_agg(i.kind) as kinds, array_agg(i.id) as ids
                    from (
                        select c.tenant_id, c.holder_type as kind, c.holder_id as id from changes c
                        union
                        select c.tenant_id, c.kind, c.role_id from changes c
                        union
                        select c.tenant_id, 'organization', c.organization_id from changes c
                    ) i
                ) a
                cross join lateral unnest(a.tenant_ids, a.kinds, a.ids) w)
            order by n.tenant_id, n.kind, n.id, n.valid_to desc nulls first
        )
        select c.tenant_id::text, c.at, c.change, c.kind, c.holder_type, c.holder_id::text, h.name, c.role_id::text, r.name, c.organization_id::text, o.name
        from changes c
        left join named h on h.tenant_id = c.tenant_id and h.kind = c.holder_type and h.id = c.holder_id
        left join named r on r.tenant_id = c.tenant_id and r.kind = c.kind and r.id = c.role_id
        left join named o on o.tenant_id = c.tenant_id and o.kind = 'organization' and o.id = c.organization_id
        $query$
    using since, until, tenant, only_holder, only_organization;
end
$$;
-- +goose StatementEnd
comment on function report.access_changes is 'Which access was granted and revoked after one moment and up to another? Roles, memberships and organization roles, since the history of each begins: what its first reading found is not a change. Those of one user or application alone, by its id in only_holder; in one organization, by its id in only_organization. For changes of what a role grants, see report.changes_between.';

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
-- table_changes reads every table of the mirror, so it is generated from the tables
-- that exist. A migration that adds a table creates it again.
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
    select tenant_id::text, %1$L::text as table_name, at, jsonb_build_object(%3$s) as key, b.row as before, a.row as after
    from (
        select %2$s, n.valid_from as at, to_jsonb(n) - '{tenant_id,item_hash,valid_from}'::text[] as row
        from logto.%1$I n where n.valid_from > $1 and n.valid_from <= $2 and ($3 is null or n.tenant_id = $3)
        union all
        select %2$s, n.valid_from, to_jsonb(n) - '{tenant_id,valid_from,valid_to}'::text[]
        from logto_history.%1$I n where n.valid_from > $1 and n.valid_from <= $2 and ($3 is null or n.tenant_id = $3)
    ) a
    full join (
        select %2$s, o.valid_to as at, to_jsonb(o) - '{tenant_id,valid_from,valid_to}'::text[] as row
        from logto_history.%1$I o where o.valid_to > $1 and o.valid_to <= $2 and ($3 is null or o.tenant_id = $3)
    ) b using (%2$s, at)
    join report.mirrored_tables m using (tenant_id)
    where m.table_name = %1$L and at > m.history_since and ($4 is null or $4 = %1$L)$part$, mirrored.relname, mirrored.key_columns, mirrored.key_members);
    end loop;
    execute format($function$
create function report.table_changes(since timestamptz, until timestamptz, tenant text, changed_table text)
returns table (tenant_id text, table_name text, at timestamptz, change text, key jsonb, changed_columns text[], before jsonb, after jsonb)
language plpgsql stable
as $body$
begin
    return query execute %L
    using since, until, tenant, changed_table;
end
$body$
$function$, format($query$
with changes as (%s
)
select c.tenant_id, c.table_name, c.at,
    case when c.before is null then 'inserted' when c.after is null then 'deleted' else 'updated' end,
    c.key, report.columns_changed(c.before, c.after), c.before, c.after
from changes c$query$, array_to_string(parts, E'\n    union all')));
end
$$;
-- +goose StatementEnd
comment on function report.table_changes is 'What report.changes_between returns, of one table, or of all where changed_table is null.';

-- +goose StatementBegin
create function report.changes_between(since timestamptz, until timestamptz, tenant text default null, changed_table text default null)
returns table (tenant_id text, table_name text, at timestamptz, change text, key jsonb, changed_columns text[], before jsonb, after jsonb)
language plpgsql stable
as $$
begin
    if changed_table is not null and not exists (select from report.freshness f where changed_table = any(f.table_names)) then
        raise exception 'no table % is mirrored', quote_literal(changed_table)
            using errcode = 'LS003', hint = 'there are: ' || (select string_agg(distinct n.name, ', ') from report.freshness f cross join unnest(f.table_names) n (name));
    end if;
    if changed_table is not null then
        perform report.require_tables(array[changed_table], tenant);
    end if;
    perform report.require_past(array(select m.table_name from report.mirrored_tables m where changed_table is null or m.table_name = changed_table), since, tenant);
    return query execute 'select * from report.table_changes($1, $2, $3, $4)' using since, until, tenant, changed_table;
end
$$;
-- +goose StatementEnd
comment on function report.changes_between is 'What changed after one moment and up to another, in any table, or in one? One row for each change: the key, what it was before (null: inserted) and after (null: deleted). Changes since the history of each table begins: what its first reading found is not a change, nor is a new last_sign_in_at or updated_at alone.';

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

-- +goose StatementBegin
-- every_row_of_user reads every table that refers to users, so it is generated from
-- the references that exist. A migration that adds one creates it again.
do $$
declare
    referring record;
    parts text[] := '{}';
    schema text;
begin
    foreach schema in array array['logto', 'logto_history'] loop
        for referring in
            select c.relname, string_agg(format('t.%I = $2', a.attname), ' or ' order by a.attname) as condition
            from pg_constraint f
            join pg_class c on c.oid = f.conrelid
            join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any (f.conkey) and a.attname <> 'tenant_id'
            where f.contype = 'f' and f.confrelid = 'logto.users'::regclass
            group by c.relname
            union all select 'users', 't.id = $2'
            union all select 'logs', 't.payload ->> ''userId'' = $2'
            order by 1
        loop
            parts := parts || format($part$
    select %1$L::text, %2$L::text, to_jsonb(t) from %1$I.%2$I t where t.tenant_id = $1 and (%3$s)$part$, schema, referring.relname, referring.condition);
        end loop;
        parts := parts || format($part$
    select %1$L::text, 'organization_invitations', to_jsonb(t) from %1$I.organization_invitations t
    where t.tenant_id = $1 and t.inviter_id is distinct from $2 and t.accepted_user_id is distinct from $2 and lower(t.invitee) in (
        select lower(u.primary_email) from logto.users u where u.tenant_id = $1 and u.id = $2
        union all select lower(u.primary_email) from logto_history.users u where u.tenant_id = $1 and u.id = $2)$part$, schema);
    end loop;
    execute format($function$
create function report.every_row_of_user(tenant text, user_id text)
returns table (schema_name text, table_name text, content jsonb)
language plpgsql stable
as $body$
begin
    return query%s;
end
$body$
$function$, array_to_string(parts, E'\n    union all'));
end
$$;
-- +goose StatementEnd
comment on function report.every_row_of_user is 'What report.rows_of_user returns; no rows for an unknown user.';

-- +goose StatementBegin
create function report.rows_of_user(tenant text, user_id text)
returns table (schema_name text, table_name text, content jsonb)
language plpgsql stable
as $$
declare
    email_rule text;
    invitee_rule text;
begin
    perform report.require_tenant(tenant);
    select max(substring(r.rules from '"primary_email":(\{[^}]*\})')) filter (where r.table_name = 'users'),
        max(substring(r.rules from '"invitee":(\{[^}]*\})')) filter (where r.table_name = 'organization_invitations')
    into email_rule, invitee_rule
    from report.privacy_rules r
    where r.tenant_id = rows_of_user.tenant;
    if email_rule is distinct from invitee_rule and coalesce(invitee_rule, '') not like '%drop%' then
        perform report.add_notice('LS001', format('%s: invitations sent to the address are not found: the privacy rules of users.primary_email and organization_invitations.invitee differ', tenant),
            'syncer privacy PERSON looks for them by the address, or with the key of the hashes');
    end if;
    return query select * from report.every_row_of_user(tenant, user_id);
    if not found then
        raise exception 'the mirror and its history have nothing of user %', quote_literal(user_id)
            using errcode = 'LS003', hint = 'user_id is the id in Logto; syncer privacy takes an address, phone number, username or identity, too';
    end if;
end
$$;
-- +goose StatementEnd
comment on function report.rows_of_user is 'Everything about one person: one row of any table, as it is or was, that is the user''s, points at the user, or is an invitation sent to an address the user has or had.';
