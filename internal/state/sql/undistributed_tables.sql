-- Tables of the mirror and of its history that are not distributed, those that
-- others refer to first, and of these logto.users: the others join its group.
with recursive mirrored as (
    select c.oid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('logto', 'logto_history') and c.relkind = 'r'
), depth as (
    select oid, 0 as level from mirrored
    union
    select r.conrelid, d.level + 1
    from depth d
    join pg_constraint r on r.confrelid = d.oid and r.contype = 'f' and r.conrelid <> r.confrelid
)
select format('%I.%I', n.nspname, c.relname)
from depth d
join pg_class c on c.oid = d.oid
join pg_namespace n on n.oid = c.relnamespace
where not exists (select from pg_dist_partition p where p.logicalrelid = c.oid)
group by n.nspname, c.relname
order by max(d.level), (n.nspname, c.relname) <> ('logto', 'users'), n.nspname, c.relname
