insert into syncer.runs (tenant_id, job, mode, listings, columns_hash, status, owner)
values ($1, $2, $3, $4, $5, 'running', gen_random_uuid())
returning run_id, attempt, started_at, owner
