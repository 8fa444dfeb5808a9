update syncer.incidents set closed_at = clock_timestamp()
where tenant_id = $1 and job = $2 and kind = $3 and closed_at is null
returning incident_id, opened_at, reason
