-- title: Organizations without an owner
-- question: Which organizations have nobody, or only suspended people, in the role that answers for them?
-- param role text = owner: Organization role that answers for an organization, in any case.
-- param tenant text = null: Tenant to ask about; null: all.
select organization_id, organization, created_at::date as created, members, suspended_holders
from report.organizations_without(@role)
where (@tenant is null or tenant_id = @tenant)
order by members desc, organization_id
