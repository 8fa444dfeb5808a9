-- The biggest organizations
select
    left(o.name, 32) as organization,
    to_char(m.members, 'FM999,999,999') as members,
    to_char(m.with_role, 'FM999,999,999') as "with a role",
    to_char(m.active, 'FM999,999,999') as "signed in within 30 days"
from logto.organizations o
cross join lateral (
    select
        count(*) as members,
        count(*) filter (where exists (
            select from logto.organization_user_roles r
            where r.tenant_id = ou.tenant_id and r.organization_id = ou.organization_id and r.user_id = ou.user_id
        )) as with_role,
        count(*) filter (where u.last_sign_in_at > (select max(last_sign_in_at) from logto.users) - interval '30 days') as active
    from logto.organization_users ou
    join logto.users u on u.tenant_id = ou.tenant_id and u.id = ou.user_id
    where ou.tenant_id = o.tenant_id and ou.organization_id = o.id
) m
order by m.members desc, o.name
limit 5
