-- Distributed tables that still have on the coordinator the rows they had before.
select format('%I.%I', n.nspname, c.relname)
from pg_dist_partition p
join pg_class c on c.oid = p.logicalrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('logto', 'logto_history') and pg_relation_size(c.oid) > 0
order by 1
