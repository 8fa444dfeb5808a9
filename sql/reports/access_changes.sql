-- title: Access granted and revoked
-- question: Which access was granted and revoked between two moments?
-- param since timestamptz = yesterday: After this moment.
-- param until timestamptz = infinity: Up to this one.
-- param user user = null: Only of this person; null: of everybody.
-- param organization organization_ever = null: Only in this organization; null: everywhere.
-- param tenant tenant = null: Tenant to ask about.
-- column kind: role, membership of an organization, or organization role.
-- column holder_id: Logto id of the user or application; it may have been deleted since.
-- column role_id: Logto id of the role or organization role. Empty: a membership.
-- column organization_id: Logto id of the organization. Empty: a role across the tenant.
select tenant_id, at, change, kind, holder_id, holder, role, organization, role_id, organization_id
from report.access_changes(@since, @until, @tenant, @user, @organization)
order by tenant_id, at, change, kind, holder, role, organization, holder_id
