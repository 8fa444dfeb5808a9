-- In a table of its own: the row of the run is locked while it is published.
insert into syncer.run_waits (tenant_id, run_id, owner, reason, since)
values ($1, $2, $3, $4, $5)
on conflict (tenant_id) do update set run_id = excluded.run_id, owner = excluded.owner, reason = excluded.reason, since = excluded.since
