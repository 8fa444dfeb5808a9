-- A tenant seen for the first time has missed no run.
with first_seen as (
    insert into syncer.schedules (job, tenant_id, handled_until)
    select $1, tenant, $3 from unnest($2::text[]) tenant
    on conflict do nothing
)
select tenant_id, handled_until from syncer.schedules
where job = $1 and tenant_id = any($2)
order by tenant_id
for update
