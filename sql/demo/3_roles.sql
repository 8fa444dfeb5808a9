-- Who may do what: users of each role, and what it permits
select
    left(r.name, 28) as role,
    to_char((
        select count(*) from logto.user_roles ur where ur.tenant_id = r.tenant_id and ur.role_id = r.id
    ), 'FM999,999,999') as users,
    case when length(granted.scopes) > 36 then left(granted.scopes, 35) || '…' else granted.scopes end as scopes
from logto.roles r
cross join lateral (
    select string_agg(s.name, ' ' order by s.name) as scopes
    from logto.role_scopes rs
    join logto.scopes s on s.tenant_id = rs.tenant_id and s.id = rs.scope_id
    where rs.tenant_id = r.tenant_id and rs.role_id = r.id
) granted
where r.type = 'User'
order by (
    select count(*) from logto.user_roles ur where ur.tenant_id = r.tenant_id and ur.role_id = r.id
) desc, r.name
limit 6
