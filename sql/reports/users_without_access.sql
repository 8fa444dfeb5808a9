-- title: Users without access
-- question: Who has no role and is in no organization?
-- param tenant tenant = null: Tenant to ask about.
-- column who: The first of e-mail address, username and name that the user has.
-- column created: Day the account was created, in UTC.
-- column last_sign_in: Day of the last sign-in, in UTC. Empty: never.
select tenant_id, user_id, coalesce(primary_email, username, name) as who, created_at::date as created, last_sign_in_at::date as last_sign_in
from report.users_without_access
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, created_at desc, user_id
