insert into syncer.incidents (tenant_id, job, kind, reason) values ($1, $2, $3, $4)
on conflict (tenant_id, job, kind) where closed_at is null do nothing
returning incident_id, opened_at, reason
