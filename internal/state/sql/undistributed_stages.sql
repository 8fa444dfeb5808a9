-- Tables of the mirror whose stage is missing, is not distributed, or has other
-- columns, and the two stage tables that are of no table, as package load
-- describes them; with their columns and those of their keys.
with mirrored as (
    select c.oid, c.relname, to_regclass(format('syncer_stage.%I', c.relname)) as stage
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'logto' and c.relkind = 'r'
), columns as (
    select attrelid, array_agg(attname || ' ' || format_type(atttypid, atttypmod) order by attname) as columns
    from pg_attribute
    where attnum > 0 and not attisdropped and attname not in ('valid_from', 'stage_seq')
    group by attrelid
)
select quote_ident(m.relname), 'like logto.' || quote_ident(m.relname) || ', stage_seq bigint not null', (
        select string_agg(quote_ident(a.attname), ', ' order by k.place)
        from pg_index i
        cross join unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = m.oid and i.indisprimary
    )
from mirrored m
where not exists (select from pg_dist_partition p where p.logicalrelid = m.stage)
    or (select columns from columns where attrelid = m.oid) is distinct from (select columns from columns where attrelid = m.stage)
union all
select n.name, n.columns, 'tenant_id, listing, id'
from (values
    ('deletions', 'tenant_id text collate "C" not null, listing text, parent text collate "C", id text collate "C", stage_seq bigint'),
    ('incomplete', 'tenant_id text collate "C" not null, listing text, table_name text, field text, parent text collate "C", id text collate "C", stage_seq bigint')
) n (name, columns)
where not exists (select from pg_dist_partition p where p.logicalrelid = to_regclass('syncer_stage.' || n.name))
order by 1
