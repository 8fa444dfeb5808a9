insert into syncer.servers as s (name, active_runs, version) values ($1, $2, $3)
on conflict (name) do update set heartbeat_at = clock_timestamp(), active_runs = excluded.active_runs
