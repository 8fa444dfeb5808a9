select greatest(clock_timestamp(), last.published_at + interval '1 millisecond')
from syncer.runs r
cross join (select max(published_at) as published_at from syncer.runs where tenant_id = $3) last
where r.run_id = $1 and r.owner = $2 and r.status = 'running'
for update of r
