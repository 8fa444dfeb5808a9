-- title: What a user may do
-- question: What may this user do, and why?
-- param who text: Id, e-mail address or username.
-- param tenant text = null: Tenant to ask about; null: all.
with person as (
    select tenant_id, id from logto.users
    where (@tenant is null or tenant_id = @tenant) and (id = @who or lower(primary_email) = lower(@who) or lower(username) = lower(@who))
)
select organization, role, scope, indicator
from person
join report.user_permissions p on p.tenant_id = person.tenant_id and p.user_id = person.id
order by organization nulls first, role, indicator nulls first, scope
