-- The views and functions of schema report among some names ($1), with what they answer.
select 'report.' || c.relname as name, coalesce(obj_description(c.oid, 'pg_class'), '') as comment
from pg_class c
where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' and c.relname = any ($1)
union all
select 'report.' || p.proname, coalesce(obj_description(p.oid, 'pg_proc'), '')
from pg_proc p
where p.pronamespace = 'report'::regnamespace and p.proname = any ($1)
order by 1
