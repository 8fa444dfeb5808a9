update syncer.tenants
set privacy_rules = $2,
    privacy_run_ids = (
        select coalesce(jsonb_object_agg(key, case when privacy_rules->key = value then privacy_run_ids->key else to_jsonb($3::bigint) end), '{}')
        from jsonb_each($2::jsonb)
    )
where tenant_id = $1
