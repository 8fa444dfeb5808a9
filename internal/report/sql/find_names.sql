-- What of a kind has a name or an id. $1: tenants; $2: kind; $3: the text, null
-- for all names. Those that are gone are asked for as a kind of their own.
with named (kind, tenant_id, id, name) as (
    select 'organization', o.tenant_id, o.id, o.name from logto.organizations o where o.tenant_id = any($1)
    union all
    select 'role', r.tenant_id, r.id, r.name from logto.roles r where r.tenant_id = any($1)
    union all
    select 'role_ever', n.tenant_id, n.id, n.name from report.names n where n.kind = 'role' and n.tenant_id = any($1)
    union all
    select 'organization_ever', n.tenant_id, n.id, n.name from report.names n where n.kind = 'organization' and n.tenant_id = any($1)
    union all
    select 'organization_role', r.tenant_id, r.id, r.name from logto.organization_roles r where r.tenant_id = any($1)
    union all
    select 'permission', '', s.name, s.name from logto.scopes s where s.tenant_id = any($1)
    union all
    select 'permission', '', s.name, s.name from logto.organization_scopes s where s.tenant_id = any($1)
    union all
    select 'resource', '', r.indicator, r.name from logto.resources r where r.tenant_id = any($1)
    union all
    select 'table', '', t.name, t.name from report.freshness f cross join unnest(f.table_names) t (name) where f.tenant_id = any($1)
)
select distinct n.tenant_id::text, n.id::text, n.name
from named n
where n.kind = $2 and ($3::text is null or n.id = $3 or lower(n.name) = lower($3))
order by 1, 3, 2
