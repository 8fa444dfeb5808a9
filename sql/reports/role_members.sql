-- title: Holders of a role
-- question: Who holds this role?
-- param role role: Name or id.
-- param tenant tenant = null: Tenant to ask about.
-- column last_sign_in: Day of the last sign-in, in UTC. Empty: never, or an application.
select tenant_id, holder_type, holder_id, holder, is_suspended, last_sign_in_at::date as last_sign_in
from report.role_members
where (@tenant is null or tenant_id = @tenant) and role_id = @role
order by tenant_id, holder_type, holder, holder_id
