-- title: What a user may do
-- question: What may this user do, through which role, and since when?
-- param who user: Id, e-mail address, username, phone number, or an identity elsewhere.
-- param tenant tenant = null: Tenant to ask about.
-- column organization_id: Logto id of the organization. Empty: the permission holds across the tenant.
select tenant_id, organization_id, organization, role_id, role, scope, indicator, since, granted_by
from report.user_permissions
where (@tenant is null or tenant_id = @tenant) and user_id = @who
order by tenant_id, organization nulls first, role, indicator nulls first, scope
