-- title: Access granted and revoked
-- question: Which access was granted and revoked between two moments?
-- param since timestamptz = yesterday: After this moment.
-- param until timestamptz = infinity: Up to this one.
-- param tenant text = null: Tenant to ask about; null: all.
select at, change, holder, kind, role, organization
from report.access_changes(@since, @until)
where (@tenant is null or tenant_id = @tenant)
order by at, change, kind, holder, role, organization
