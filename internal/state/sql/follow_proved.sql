-- $1: tenant, $2: run, $3: now, by the server's clock; $4: listings the run proved;
-- $5: events of listings it did not prove; $6: when its last attempt began, by the
-- server's clock; $7: webhooks, as hooks_with_events returns them: Citus reads no table of
-- the mirror in a statement that writes here. A webhook counts if it was made before
-- the run began: what it had not delivered yet, the run has read, if that is proved.
with began as (
    select least($3::timestamptz - (clock_timestamp() - r.started_at), $6::timestamptz) as at
    from syncer.runs r
    where r.run_id = $2
), followed as (
    -- What else tells of it goes on to do so, even if the webhook is no more.
    update syncer.followed f
    set followed_until = greatest(f.followed_until, b.at), gap = null, gap_heals = false, run_id = $2,
        sources = case when 'audit log' = any(f.sources) then array_remove(f.sources, 'hook events') else f.sources end
    from began b
    where f.tenant_id = $1 and f.listing = any($4)
), sources as (
    select 'logs' as source, '{}'::text[] as events
    where 'users' = any($4)
    union all
    select 'hook:' || h.id, array(select jsonb_array_elements_text(h.events))
    from jsonb_to_recordset($7::jsonb) as h (id text, created_at timestamptz, events jsonb)
    cross join began b
    where 'hooks' = any($4) and h.created_at <= b.at
)
insert into syncer.feed_positions as p (tenant_id, source, read_until, events, run_id)
select $1, s.source, b.at, array(select unnest(s.events) except select unnest($5::text[])), $2
from sources s
cross join began b
on conflict (tenant_id, source) do update
set read_until = case when cardinality($5::text[]) = 0 then greatest(p.read_until, excluded.read_until) else p.read_until end,
    events = case when cardinality($5::text[]) = 0 then excluded.events
        else array(select unnest(p.events) intersect select unnest(s.events) from sources s where s.source = p.source) end,
    run_id = excluded.run_id
