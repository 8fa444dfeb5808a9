-- +goose Up
-- The search for people. Fuzzy matching needs the extension pg_trgm, which every
-- managed Postgres allows and the owner of a database may create. If it cannot be
-- created, the migration continues without it, and a fuzzy search finds values that
-- contain the query. The extension can also be created later: the search looks for
-- it at every call.

-- +goose StatementBegin
do $$
begin
    create extension if not exists pg_trgm with schema public;
exception
    when insufficient_privilege or feature_not_supported or undefined_file or invalid_schema_name or duplicate_object or unique_violation then
        raise notice 'without the extension pg_trgm: %', sqlerrm;
end
$$;
-- +goose StatementEnd

create function report.escape_like(query text)
returns text
language sql immutable strict
as $$ select replace(replace(replace(query, '\', '\\'), '%', '\%'), '_', '\_') $$;
comment on function report.escape_like is 'The query with % and _ escaped, for use in like.';

create function report.set_word_similarity(threshold text)
returns boolean
language sql stable
as $$ select set_config('pg_trgm.word_similarity_threshold', threshold, true) is not null $$;
comment on function report.set_word_similarity is 'Sets the threshold of a fuzzy search for the rest of the transaction, and is true. As a condition of a query it is called before the first row is read, on each worker of a Citus cluster.';

-- The query is built from the conditions that are given, so that each search gets
-- the plan that fits it: one plan for all would read every user. Values are always
-- parameters of the query, never part of its text.
-- +goose StatementBegin
create function report.search_users(
    query text default null,
    match text default 'fuzzy',
    case_sensitive boolean default false,
    tenant text default null,
    custom_data jsonb default null,
    custom_data_path jsonpath default null,
    profile jsonb default null,
    role text default null,
    organization text default null,
    organization_role text default null,
    email_domain text default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    signed_in_from timestamptz default null,
    signed_in_until timestamptz default null,
    suspended boolean default null,
    page integer default 1,
    page_size integer default 50
)
returns table (tenant_id text, user_id text, username text, primary_email text, primary_phone text, name text, is_suspended boolean, created_at timestamptz, last_sign_in_at timestamptz, rank real, total bigint)
language plpgsql stable
as $$
declare
    tenants text[];
    role_ids text[];
    organization_ids text[];
    organization_role_ids text[];
    trigrams text;
    conditions text := 'u.tenant_id = any($1)';
    rank text := '0::real';
    finding text;
    threshold text;
begin
    if match not in ('fuzzy', 'contains', 'prefix', 'exact') then
        raise exception 'match must be fuzzy, contains, prefix or exact, is %', quote_nullable(match) using errcode = 'LS003';
    end if;
    if page < 1 or page_size < 1 then
        raise exception 'page and page_size must be 1 or more, are % and %', page, page_size using errcode = 'LS003';
    end if;
    perform report.require_tenant(tenant);
    select case when search_users.tenant is not null then array[search_users.tenant] else array_agg(t.tenant_id) end into tenants from report.tenants t;
    select quote_ident(n.nspname) into trigrams
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pg_trgm';

    if query is not null then
        if match = 'fuzzy' and trigrams is not null and not case_sensitive then
            -- The usual 0.6 misses one wrong letter in a short word. Who has set
            -- another is obeyed. The setting is there once the extension is loaded.
            execute format('select %s.show_limit()', trigrams);
            threshold := current_setting('pg_trgm.word_similarity_threshold');
            perform set_config('pg_trgm.word_similarity_threshold', case threshold when '0.6' then '0.5' else threshold end, true);
            if exists (select from pg_extension e where e.extname = 'citus') then
                -- The workers of a Citus cluster do not know it.
                conditions := conditions || format(' and report.set_word_similarity(%L)', current_setting('pg_trgm.word_similarity_threshold'));
            end if;
            finding := format('%%s operator(%s.%%%%>) $2', trigrams);
            rank := format('coalesce(greatest(%1$s.word_similarity($2, u.name), %1$s.word_similarity($2, u.username), %1$s.word_similarity($2, u.primary_email), %1$s.word_similarity($2, u.primary_phone)), 0)', trigrams);
        elsif match = 'exact' then
            finding := case when case_sensitive then '%s = $2' else 'lower(%s) = lower($2)' end;
        else
            finding := '%s ' || case when case_sensitive then 'like ' else 'ilike ' end
                || case when match = 'prefix' then '' else '''%%'' || ' end || 'report.escape_like($2) || ''%%''';
        end if;
        conditions := conditions || ' and (u.id = $2';
        for i in 1..4 loop
            conditions := conditions || ' or ' || case
                when match = 'exact' and i = 4 then 'u.primary_phone = $2' -- digits have no case, and its index is as it is
                else format(finding, (array['u.username', 'u.primary_email', 'u.name', 'u.primary_phone'])[i])
            end;
        end loop;
        conditions := conditions || ')';
    end if;
    if custom_data is not null then
        conditions := conditions || ' and u.custom_data @> $3';
    end if;
    if custom_data_path is not null then
        conditions := conditions || ' and u.custom_data @@ $4';
    end if;
    if profile is not null then
        conditions := conditions || ' and u.profile @> $5';
    end if;
    if role is not null then
        -- Of an id the planner knows how many hold the role, of a name it does not.
        perform report.require_tables('{user_roles}', tenant);
        select array_agg(n.id) into role_ids from report.ids_named('role', role, tenant) n;
        conditions := conditions || ' and (u.tenant_id, u.id) in (select h.tenant_id, h.user_id from logto.user_roles h where h.tenant_id = any($1) and h.role_id = any($6))';
    end if;
    if organization is not null then
        perform report.require_tables('{organization_users}', tenant);
        select array_agg(n.id) into organization_ids from report.ids_named('organization', organization, tenant) n;
        conditions := conditions || ' and (u.tenant_id, u.id) in (select m.tenant_id, m.user_id from logto.organization_users m where m.tenant_id = any($1) and m.organization_id = any($7))';
    end if;
    if organization_role is not null then
        perform report.require_tables('{organization_user_roles}', tenant);
        select array_agg(n.id) into organization_role_ids from report.ids_named('organization role', organization_role, tenant) n;
        conditions := conditions || ' and (u.tenant_id, u.id) in (select h.tenant_id, h.user_id from logto.organization_user_roles h where h.tenant_id = any($1) and h.organization_role_id = any($8) and ($7 is null or h.organization_id = any($7)))';
    end if;
    if email_domain is not null then
        conditions := conditions || ' and lower(split_part(u.primary_email, ''@'', 2)) = lower($9)';
    end if;
    if created_from is not null then
        conditions := conditions || ' and u.created_at >= $10';
    end if;
    if created_until is not null then
        conditions := conditions || ' and u.created_at < $11';
    end if;
    if signed_in_from is not null then
        conditions := conditions || ' and u.last_sign_in_at >= $12';
    end if;
    if signed_in_until is not null then
        conditions := conditions || ' and u.last_sign_in_at < $13';
    end if;
    if suspended is not null then
        conditions := conditions || case when suspended then ' and u.is_suspended' else ' and u.is_suspended is not true' end;
    end if;

    return query execute format($query$
        with found as materialized (
            select u.tenant_id, u.id, u.created_at, %s as rank from logto.users u where %s
        ), page as (
            select f.tenant_id, f.id, f.rank from found f
            order by f.rank desc, f.created_at desc, f.tenant_id, f.id
            offset ($14 - 1)::bigint * $15 limit $15
        )
        select u.tenant_id::text, u.id::text, u.username, u.primary_email, u.primary_phone, u.name, u.is_suspended, u.created_at::timestamptz,
            u.last_sign_in_at::timestamptz, p.rank, (select count(*) from found)
        from page p
        join logto.users u on u.tenant_id = p.tenant_id and u.id = p.id
        order by p.rank desc, u.created_at desc, u.tenant_id, u.id
        $query$, rank, conditions)
    using tenants, query, custom_data, custom_data_path, profile, role_ids, organization_ids, organization_role_ids, email_domain,
        created_from, created_until, signed_in_from, signed_in_until, page, page_size;
    if threshold is not null then
        perform set_config('pg_trgm.word_similarity_threshold', threshold, true);
    end if;
end
$$;
-- +goose StatementEnd
comment on function report.search_users is 'Which users match? query is searched in username, e-mail address, phone and name, and compared with the whole id. match: fuzzy (similar words, the nearest first), contains, prefix or exact. Case is ignored unless case_sensitive, with which fuzzy means contains. custom_data and profile: JSON they contain ({"plan": "pro"}). custom_data_path: a condition ($.credits > 10). role, organization, organization_role (in the organization, if one is given): name or id. Also e-mail domain; created and last signed in from (inclusive) until (exclusive); suspended. All conditions given must hold. Returns one page, the nearest first, then the newest; total is the number of users on all pages.';
