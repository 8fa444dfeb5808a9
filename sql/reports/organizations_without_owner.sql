-- title: Organizations without an owner
-- question: Which organizations have nobody, or only suspended people, in the role that answers for them?
-- param role organization_role = owner: Organization role that answers for an organization, by name or id.
-- param tenant tenant = null: Tenant to ask about.
-- column organization_id: Logto id of the organization.
-- column created: Day it was created, in UTC.
-- column suspended_holders: Members who hold the role and are suspended.
select tenant_id, organization_id, organization, created_at::date as created, members, suspended_holders
from report.organizations_without(@role, @tenant)
order by tenant_id, members desc, organization_id
