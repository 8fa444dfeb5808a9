insert into syncer.followed (tenant_id, listing, followed_until, sources, gap, gap_heals, run_id)
values ($1, $2, $3, $4, nullif($5, ''), $6, $7)
on conflict (tenant_id, listing) do update
set followed_until = greatest(followed.followed_until, excluded.followed_until), sources = excluded.sources,
    gap = excluded.gap, gap_heals = excluded.gap_heals, run_id = excluded.run_id
