update syncer.runs
set status = 'abandoned', finished_at = coalesce(finished_at, now())
where tenant_id = $1 and run_id <> $2 and status in ('running', 'stopped', 'failed')
returning run_id
