-- The tables and views that may be exported, and names and types of their columns in
-- order. $1: with the columns that only syncer needs.
select n.nspname, c.relname, array_agg(a.attname::text order by a.attnum), array_agg(t.typname::text order by a.attnum)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where n.nspname in ('logto', 'logto_history', 'report') and c.relkind in ('r', 'p', 'v', 'm') and ($1 or a.attname <> 'item_hash')
group by 1, 2
order by 1, 2;
