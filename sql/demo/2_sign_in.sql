-- How people sign in
select
    coalesce(i.target, 'password or code only') as "with",
    to_char(count(distinct u.id), 'FM999,999,999') as users,
    to_char(100.0 * count(distinct u.id) / nullif((select count(*) from logto.users), 0), 'FM990.0') || ' %' as share
from logto.users u
left join logto.user_identities i on i.tenant_id = u.tenant_id and i.user_id = u.id
group by i.target
order by count(distinct u.id) desc, 1
limit 6
