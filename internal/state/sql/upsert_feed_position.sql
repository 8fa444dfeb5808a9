insert into syncer.feed_positions (tenant_id, source, read_until, recent_ids, events, run_id)
values ($1, $2, $3, $4, $5, $6)
on conflict (tenant_id, source) do update
set read_until = excluded.read_until, recent_ids = excluded.recent_ids, events = excluded.events, run_id = excluded.run_id
