-- title: Access granted and revoked
-- question: Which access was granted and revoked between two moments?
-- param since timestamptz = yesterday: After this moment.
-- param until timestamptz = infinity: Up to this one.
-- param user user = null: Only of this person; null: of everybody.
-- param organization organization_ever = null: Only in this organization; null: everywhere.
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, at, change, kind, holder_id, holder, role, organization, role_id, organization_id
from report.access_changes(@since, @until, @tenant)
where (@user is null or holder_id = @user) and (@organization is null or organization_id = @organization)
order by tenant_id, at, change, kind, holder, role, organization, holder_id
