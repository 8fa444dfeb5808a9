-- $1: tenant, $2: run, $3: now, by the server's clock; $4: listings the run proved;
-- $5: whether these are all that the sources tell of. A webhook counts if it was
-- made before the run began: what it had not delivered yet, the run has read.
with began as (
    select $3::timestamptz - (clock_timestamp() - r.started_at) as at
    from syncer.runs r
    where r.run_id = $2
), followed as (
    update syncer.followed f
    set followed_until = greatest(f.followed_until, b.at), gap = null, gap_heals = false, run_id = $2
    from began b
    where f.tenant_id = $1 and f.listing = any($4)
), sources as (
    select 'logs' as source, '{}'::text[] as events
    union all
    select 'hook:' || h.id,
        case when h.enabled is false then '{}' else array(select jsonb_array_elements_text(h.events)) end
    from logto.hooks h
    cross join began b
    where h.tenant_id = $1 and 'hooks' = any($4) and h.created_at <= b.at and jsonb_typeof(h.events) = 'array'
)
insert into syncer.feed_positions as p (tenant_id, source, read_until, events, run_id)
select $1, s.source, b.at, s.events, $2
from sources s
cross join began b
on conflict (tenant_id, source) do update
set read_until = case when $5 then greatest(p.read_until, excluded.read_until) else p.read_until end,
    events = case when $5 then excluded.events else array(select unnest(p.events) intersect select unnest(excluded.events)) end,
    run_id = excluded.run_id
