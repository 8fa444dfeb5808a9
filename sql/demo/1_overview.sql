-- What is in the mirror
select
    'users' as "table",
    to_char(count(*), 'FM999,999,999') as rows,
    to_char(count(*) filter (where last_sign_in_at is null), 'FM999,999,999') || ' never signed in, '
    || to_char(count(*) filter (where is_suspended), 'FM999,999,999') || ' suspended' as remarks
from logto.users
union all
select
    'organizations', to_char(count(*), 'FM999,999,999'),
    to_char(count(*) filter (where not exists (
        select from logto.organization_users m where m.tenant_id = o.tenant_id and m.organization_id = o.id
    )), 'FM999,999,999') || ' without members'
from logto.organizations o
union all
select
    'roles', to_char(count(*), 'FM999,999,999'),
    to_char((select count(*) from logto.user_roles), 'FM999,999,999') || ' given to users'
from logto.roles
