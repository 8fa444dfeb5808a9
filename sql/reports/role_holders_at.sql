-- title: Holders of a role on a day
-- question: Who held this role at a moment?
-- param role role_ever: Name or id.
-- param at timestamptz: The moment.
-- param tenant tenant = null: Tenant to ask about.
-- column holder_id: Logto id of the user or application; it may have been deleted since.
-- column valid_to: When it was seen to hold the role no more. Empty: it still does.
select tenant_id, holder_type, holder_id, holder, valid_from, valid_to
from report.role_holders_at(@role, @at, @tenant)
order by tenant_id, holder_type, holder, holder_id
