-- title: Duplicate people
-- question: Which accounts may be one person?
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, kind, value, users, user_ids
from report.duplicate_people
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, users desc, kind, value
