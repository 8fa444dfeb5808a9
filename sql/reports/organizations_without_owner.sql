-- title: Organizations without an owner
-- question: Which organizations have nobody, or only suspended people, in the role that answers for them?
-- param role organization_role = owner: Organization role that answers for an organization, by name or id.
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, organization_id, organization, created_at::date as created, members, suspended_holders
from report.organizations_without(@role, @tenant)
order by tenant_id, members desc, organization_id
