-- Runs that read changes are many, and only the last three are shown of them.
-- A run is alive while somebody holds its tenant's lock; see Acquire. Of runs
-- that are not published there is how far they are.
select
    r.run_id, r.tenant_id, r.job, r.mode, r.status, r.attempt, r.started_at, r.attempted_at, r.finished_at, r.published_at,
    r.requests, r.retries, r.throttled, r.seconds, coalesce(r.error, '') as error,
    coalesce(r.waiting, '') as waiting, r.waiting_since,
    r.status = 'running' and exists (
        select from pg_locks k
        where k.locktype = 'advisory' and k.granted and k.objsubid = 1
            and k.database = (select oid from pg_database where datname = current_database())
            and (k.classid::bigint << 32) | k.objid::bigint = hashtextextended(r.tenant_id, $2)
    ) as alive,
    r.listing_count, p.listings_read, p.chunks_read, p.rows_read, p.last_written_at
from report.tenants t
cross join lateral (
    (select * from report.runs where tenant_id = t.tenant_id and mode <> 'changes' order by run_id desc limit $1)
    union all
    (select * from report.runs where tenant_id = t.tenant_id and mode = 'changes' order by run_id desc limit least($1, 3))
) r
cross join lateral (
    select count(*) as listings_read, coalesce(sum(p.chunks), 0)::bigint as chunks_read, coalesce(sum(p.rows_read), 0)::bigint as rows_read,
        max(p.last_written_at) as last_written_at
    from report.run_progress p
    where p.run_id = r.run_id
) p
order by r.run_id desc
