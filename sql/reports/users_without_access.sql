-- title: Users without access
-- question: Who has no role and is in no organization?
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, user_id, coalesce(primary_email, username, name) as who, created_at::date as created, last_sign_in_at::date as last_sign_in
from report.users_without_access
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, created_at desc, user_id
