-- What schemas of the given names hold in a database that has no migrations yet.
with objects as (
    select relnamespace as namespace,
        case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end || ' ' || relname as object
    from pg_class
    where relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    union all
    select pronamespace, 'function ' || proname from pg_proc
    union all
    select typnamespace, 'type ' || typname from pg_type where typtype in ('d', 'e', 'r')
)
select n.nspname::text as schema_name, (array_agg(o.object order by o.object))[:3] as objects, count(*) as object_count
from pg_namespace n
join objects o on o.namespace = n.oid
where n.nspname = any($1) and to_regclass($2) is null
group by n.nspname
order by n.nspname
