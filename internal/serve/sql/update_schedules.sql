update syncer.schedules s set due_at = k.due_at
from unnest($2::text[], $3::timestamptz[]) k (tenant_id, due_at)
where s.job = $1 and s.tenant_id = k.tenant_id
