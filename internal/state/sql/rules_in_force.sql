select r.key as table_name, r.value as rules, s.run_id, s.published_at as since
from syncer.tenants t
cross join jsonb_each_text(t.privacy_rules) r
left join syncer.runs s on s.run_id = (t.privacy_run_ids->>r.key)::bigint
where t.tenant_id = $1
order by r.key
