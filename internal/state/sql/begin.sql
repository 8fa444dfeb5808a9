insert into syncer.runs (tenant_id, job, mode, listings, columns_hash, endpoint, page_size, program_version, status, owner)
values ($1, $2, $3, $4, $5, $6, $7, $8, 'running', gen_random_uuid())
returning run_id, attempt, started_at, owner
