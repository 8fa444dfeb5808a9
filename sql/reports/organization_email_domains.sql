-- title: E-mail domains by organization
-- question: Which e-mail domains are in each organization?
-- param organization organization = null: Name or id; null: all.
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, organization_id, organization, domain, members, joins_by_itself
from report.organization_email_domains
where (@tenant is null or tenant_id = @tenant) and (@organization is null or organization_id = @organization)
order by tenant_id, organization, organization_id, members desc, domain
