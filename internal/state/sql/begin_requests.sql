-- How long ago the tenant was last sent a request, in seconds; null if it never
-- was. Whoever holds the lock and finds it being read knows that its reader died.
with before as (
    select case when asked_at < 'infinity' then extract(epoch from clock_timestamp() - asked_at) else 0 end as seconds
    from syncer.tenants
    where tenant_id = $1 and asked_at is not null
), asking as (
    insert into syncer.tenants (tenant_id, endpoint, asked_at) values ($1, $2, 'infinity')
    on conflict (tenant_id) do update set asked_at = 'infinity'
)
select (select seconds::float8 from before)
