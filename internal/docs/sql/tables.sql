-- Tables, views and their comments, in the order of their names.
select n.nspname as schema, c.relname as name, c.relkind in ('v', 'm') as view, coalesce(obj_description(c.oid, 'pg_class'), '') as comment,
    coalesce((
        select array_agg(a.attname::text order by k.place)
        from pg_constraint p
        cross join unnest(p.conkey) with ordinality k (attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
        where p.conrelid = c.oid and p.contype = 'p'
    ), '{}') as key
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm')
order by n.nspname collate "C", c.relname collate "C"
