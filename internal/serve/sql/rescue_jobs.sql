with lost as (
    select j.id from {queue}.river_job j
    where j.state = 'running' and (
        j.id = any($2)
        or j.attempted_at < clock_timestamp() - $1::interval and not exists (
            select from syncer.servers s
            where s.name = j.attempted_by[array_upper(j.attempted_by, 1)] and s.heartbeat_at >= clock_timestamp() - $1::interval
        )
    )
    for update skip locked
), deleted_processes as (
    delete from syncer.servers where heartbeat_at < clock_timestamp() - $1::interval - interval '10 minutes'
)
-- The attempt failed through no fault of the job: it is not counted, and the
-- job keeps its place in the queue.
update {queue}.river_job j
set state = 'available', attempt = greatest(j.attempt - 1, 0)
from lost
where j.id = lost.id
returning j.id, j.kind, j.args ->> 'job' as job, j.args ->> 'tenant' as tenant,
    coalesce(j.attempted_by[array_upper(j.attempted_by, 1)], '') as process
