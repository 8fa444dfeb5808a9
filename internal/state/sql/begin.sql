insert into syncer.runs (tenant_id, job, mode, listings, status, owner)
values ($1, $2, $3, $4, 'running', gen_random_uuid())
returning run_id, attempt, started_at, owner
