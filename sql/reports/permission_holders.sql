-- title: Who may do this
-- question: Who holds a permission, through which role, in which organization?
-- param scope text: Name of the permission, such as read:orders.
-- param indicator text = null: Resource indicator of the API; null: any, and organization permissions.
-- param tenant text = null: Tenant to ask about; null: all.
select holder, holder_type, role, organization, is_suspended
from report.permission_holders
where (@tenant is null or tenant_id = @tenant) and scope = @scope and (@indicator is null or indicator = @indicator)
order by holder, holder_id, organization nulls first, role
