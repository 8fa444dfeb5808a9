with not_waiting as (
    delete from syncer.run_waits where run_id = $1 and owner = $2
)
update syncer.runs
set status = $3, finished_at = now(), published_at = $4, error = $5,
    requests = requests + $6, retries = retries + $7, throttled = throttled + $8, seconds = seconds + $9
where run_id = $1 and owner = $2 and status = 'running'
