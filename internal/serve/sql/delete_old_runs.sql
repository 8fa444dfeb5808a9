-- Runs older than the retention of history, and runs that read changes older than
-- a week, but for those that hold the last
-- certificate of a listing or its last complete one.
with old as (
    select r.run_id from syncer.runs r
    where r.finished_at < now() - case when r.mode = 'changes' then least($1::interval, interval '7 days') else $1::interval end
        and exists (select from syncer.runs n where n.tenant_id = r.tenant_id and n.run_id > r.run_id)
        and not exists (
            select from syncer.certificates c
            where c.run_id = r.run_id
                and (
                    not exists (
                        select from syncer.certificates n
                        where n.tenant_id = c.tenant_id and n.listing = c.listing and n.run_id > c.run_id
                    )
                    or c.proof = 'complete' and not exists (
                        select from syncer.certificates n
                        where n.tenant_id = c.tenant_id and n.listing = c.listing and n.run_id > c.run_id and n.proof = 'complete'
                    )
                )
        )
    order by r.run_id
    limit 1000
), incidents as (
    delete from syncer.incidents where closed_at < now() - $1::interval
)
delete from syncer.runs where run_id in (select run_id from old)
