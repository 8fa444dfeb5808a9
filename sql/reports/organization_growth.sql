-- title: Growth of organizations
-- question: How many organizations came in each month, and how many are there?
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, month, organizations_created as created, organizations_so_far as so_far
from report.organization_growth
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, month desc
