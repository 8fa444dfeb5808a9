-- title: Who may do this
-- question: Who holds a permission, through which role, in which organization, and since when?
-- param scope permission: Name of the permission, such as read:orders.
-- param indicator resource = null: API resource, by indicator or name; null: any, and organization permissions.
-- param organization organization = null: Organization it holds in; null: any, and across the tenant.
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, holder_type, holder_id, holder, is_suspended, through, role_id, role, organization_id, organization, since, granted_by
from report.permission_holders
where (@tenant is null or tenant_id = @tenant) and scope = @scope and (@indicator is null or indicator = @indicator)
    and (@organization is null or organization_id = @organization)
order by tenant_id, holder, holder_id, organization nulls first, role
