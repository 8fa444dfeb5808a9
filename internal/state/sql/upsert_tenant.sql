insert into syncer.tenants (tenant_id, endpoint) values ($1, $2)
on conflict (tenant_id) do update set endpoint = excluded.endpoint
where tenants.endpoint is distinct from excluded.endpoint
