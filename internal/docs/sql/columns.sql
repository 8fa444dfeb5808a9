-- Columns in their order, each with the table it points at by its last part of
-- a foreign key; the part before is the tenant.
select n.nspname as schema, c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
    coalesce(col_description(c.oid, a.attnum), '') as comment,
    coalesce((
        select t.relname
        from pg_constraint f
        join pg_class t on t.oid = f.confrelid
        where f.conrelid = c.oid and f.contype = 'f' and f.conkey[cardinality(f.conkey)] = a.attnum
        order by f.oid
        limit 1
    ), '') as target
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
order by n.nspname collate "C", c.relname collate "C", a.attnum
