update syncer.tenants
set privacy = $2,
    privacy_since = (
        select coalesce(jsonb_object_agg(key, case when privacy->key = value then privacy_since->key else to_jsonb($3::bigint) end), '{}')
        from jsonb_each($2::jsonb)
    )
where tenant_id = $1
