update syncer.schedules s set handled_until = k.handled_until
from unnest($2::text[], $3::timestamptz[]) k (tenant_id, handled_until)
where s.job = $1 and s.tenant_id = k.tenant_id
