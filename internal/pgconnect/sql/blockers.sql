-- Sessions that hold what sessions of the given process ids wait for.
select a.pid, coalesce(a.usename, '')::text as user_name, coalesce(a.application_name, '') as application,
    a.xact_start as since, coalesce(left(a.query, 200), '') as command
from (
    select distinct unnest(pg_blocking_pids(w.pid)) as pid
    from pg_stat_activity w
    where w.pid = any($1) and w.wait_event_type = 'Lock'
) b
join pg_stat_activity a on a.pid = b.pid
where a.pid <> all($1)
order by a.xact_start, a.pid
