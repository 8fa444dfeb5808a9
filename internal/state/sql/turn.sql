-- Takes the turn and returns how many seconds are left of the rest. Of a run
-- that died with its process nobody knows when it last asked: the whole rest is
-- left.
with before as (
    select busy, since from syncer.turns where tenant_id = $1
), now_ours as (
    insert into syncer.turns (tenant_id, busy, since) values ($1, true, clock_timestamp())
    on conflict (tenant_id) do update set busy = true, since = excluded.since
)
select coalesce((
    select case when busy then $2::float8
        else greatest(0, $2::float8 - extract(epoch from clock_timestamp() - since)) end
    from before
), 0)::float8
