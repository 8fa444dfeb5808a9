-- title: Members of an organization
-- question: Who is in this organization, and as what?
-- param organization text: Name or id.
-- param tenant text = null: Tenant to ask about; null: all.
select user_id, coalesce(primary_email, username, name) as member, organization_roles, is_suspended, last_sign_in_at::date as last_sign_in
from report.organization_members
where (@tenant is null or tenant_id = @tenant) and (organization = @organization or organization_id = @organization)
order by member, user_id
