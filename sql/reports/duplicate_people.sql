-- title: Duplicate people
-- question: Which accounts may be one person?
-- param tenant text = null: Tenant to ask about; null: all.
select kind, value, users, user_ids
from report.duplicate_people
where (@tenant is null or tenant_id = @tenant)
order by users desc, kind, value
