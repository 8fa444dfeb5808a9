-- title: Identity providers
-- question: How many people sign in from elsewhere, by provider?
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, kind, provider, users, identities
from report.identity_providers
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, users desc, kind, provider
