-- A run is alive while somebody holds its tenant's lock; see Acquire.
select
    r.run_id, r.tenant_id, r.job, r.mode, r.status, r.attempt, r.started_at, r.finished_at, r.published_at,
    r.requests, r.retries, r.throttled, r.seconds, coalesce(r.error, '') as error,
    coalesce(r.waiting, '') as waiting, r.waiting_since,
    r.status = 'running' and exists (
        select from pg_locks k
        where k.locktype = 'advisory' and k.granted and k.objsubid = 1
            and k.database = (select oid from pg_database where datname = current_database())
            and (k.classid::bigint << 32) | k.objid::bigint = hashtextextended(r.tenant_id, $2)
    ) as alive
from (select tenant_id from syncer.tenants) t
cross join lateral (
    select * from syncer.runs where tenant_id = t.tenant_id order by run_id desc limit $1
) r
order by r.run_id desc
