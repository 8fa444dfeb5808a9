-- title: Members of an organization on a day
-- question: Who was in this organization at a moment, and as what?
-- param organization organization_ever: Name or id.
-- param at timestamptz: The moment.
-- param tenant tenant = null: Tenant to ask about.
-- column holder_id: Logto id of the user or application; it may have been deleted since.
-- column valid_to: When it was seen to be no member any more. Empty: it still is one.
select tenant_id, holder_type, holder_id, holder, organization_roles, valid_from, valid_to
from report.organization_members_at(@organization, @at, @tenant)
order by tenant_id, holder_type, holder, holder_id
