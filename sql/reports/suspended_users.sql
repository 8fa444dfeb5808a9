-- title: Suspended users
-- question: Who is suspended, and what would they get back?
-- param tenant tenant = null: Tenant to ask about.
-- column who: The first of e-mail address, username and name that the user has.
-- column last_sign_in: Day of the last sign-in, in UTC. Empty: never.
-- column roles: Number of roles the user holds. Empty: not known.
-- column organizations: Number of organizations the user is a member of. Empty: not known.
select tenant_id, user_id, coalesce(primary_email, username, name) as who, last_sign_in_at::date as last_sign_in, role_count as roles, organization_count as organizations
from report.suspended_users
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, last_sign_in_at desc nulls last, user_id
