insert into syncer.servers as s (name, doing, version) values ($1, $2, $3)
on conflict (name) do update set seen_at = clock_timestamp(), doing = excluded.doing
