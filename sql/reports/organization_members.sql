-- title: Members of an organization
-- question: Who is in this organization, and as what?
-- param organization organization: Name or id.
-- param tenant tenant = null: Tenant to ask about.
-- column member: The first of e-mail address, username and name that the member has.
-- column last_sign_in: Day of the last sign-in, in UTC. Empty: never.
select tenant_id, user_id, coalesce(primary_email, username, name) as member, organization_roles, is_suspended, last_sign_in_at::date as last_sign_in
from report.organization_members
where (@tenant is null or tenant_id = @tenant) and organization_id = @organization
order by tenant_id, member, user_id
