select r.table_name, r.rules, r.run_id, r.published_at as since
from report.privacy_rules r
where r.tenant_id = $1
order by r.table_name
