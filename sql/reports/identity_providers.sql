-- title: Identity providers
-- question: How many people sign in from elsewhere, by provider?
-- param tenant text = null: Tenant to ask about; null: all.
select kind, provider, users, identities
from report.identity_providers
where (@tenant is null or tenant_id = @tenant)
order by users desc, kind, provider
