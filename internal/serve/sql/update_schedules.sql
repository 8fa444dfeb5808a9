update syncer.schedules s set handled_until = t.handled_until
from unnest($2::text[], $3::timestamptz[]) t (tenant_id, handled_until)
where s.job = $1 and s.tenant_id = t.tenant_id
