-- How long ago the tenant was last sent a request, in seconds; null if it never
-- was. Whoever holds the lock and finds it being read knows that its reader died.
with before as (
    select case when last_request_at < 'infinity' then extract(epoch from clock_timestamp() - last_request_at) else 0 end as seconds
    from syncer.tenants
    where tenant_id = $1 and last_request_at is not null
), asking as (
    insert into syncer.tenants (tenant_id, endpoint, last_request_at) values ($1, $2, 'infinity')
    on conflict (tenant_id) do update set last_request_at = 'infinity'
)
select (select seconds::float8 from before)
