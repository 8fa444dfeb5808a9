-- The tenant's last run, if it can be resumed. Whoever holds the tenant's lock
-- and finds it running knows that its process is dead.
update syncer.runs
set status = 'running', finished_at = null, error = null, attempt = attempt + 1, attempted_at = now(), owner = gen_random_uuid()
where run_id = (select max(run_id) from syncer.runs where tenant_id = $1)
    and status in ('running', 'stopped', 'failed') and mode = $2 and listings = $3 and columns_hash = $5
    and endpoint = $6 and page_size = $7 and program_version = $8
    and started_at > now() - $4::interval
returning run_id, attempt, started_at, owner
