-- title: E-mail domains by organization
-- question: Which e-mail domains are in each organization?
-- param organization text = null: Name or id; null: all.
-- param tenant text = null: Tenant to ask about; null: all.
select organization, domain, members, joins_by_itself
from report.organization_email_domains
where (@tenant is null or tenant_id = @tenant) and (@organization is null or organization = @organization or organization_id = @organization)
order by organization, members desc, domain
