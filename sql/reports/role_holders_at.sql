-- title: Holders of a role on a day
-- question: Who held this role at a moment?
-- param role text: Name or id.
-- param at timestamptz: The moment.
-- param tenant text = null: Tenant to ask about; null: all.
select holder_id, holder, holder_type, valid_from, valid_to
from report.role_holders_at(@role, @at)
where (@tenant is null or tenant_id = @tenant)
order by holder_type, holder, holder_id
