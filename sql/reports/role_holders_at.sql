-- title: Holders of a role on a day
-- question: Who held this role at a moment?
-- param role role_ever: Name or id.
-- param at timestamptz: The moment.
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, holder_type, holder_id, holder, valid_from, valid_to
from report.role_holders_at(@role, @at, @tenant)
order by tenant_id, holder_type, holder, holder_id
