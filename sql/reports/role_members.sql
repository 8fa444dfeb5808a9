-- title: Holders of a role
-- question: Who holds this role?
-- param role text: Name or id.
-- param tenant text = null: Tenant to ask about; null: all.
select holder_id, holder, holder_type, is_suspended, last_sign_in_at::date as last_sign_in
from report.role_members
where (@tenant is null or tenant_id = @tenant) and (role = @role or role_id = @role)
order by holder_type, holder, holder_id
