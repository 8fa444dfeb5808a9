-- +goose Up
-- What is shared is looked for among numbers, which sort and hash faster than
-- texts; that goes for phones and for accounts elsewhere, too, as it did for
-- addresses already. Few share one, and who does is looked at again: two texts
-- can have one number.
create or replace view report.duplicate_people as
with shared_addresses as materialized (
    select hashtextextended(lower(u.primary_email), 0) as hash
    from logto.users u
    where u.primary_email is not null
    group by 1
    having count(*) > 1
), shared_phones as materialized (
    select hashtextextended(u.primary_phone, 0) as hash
    from logto.users u
    where u.primary_phone is not null
    group by 1
    having count(*) > 1
), shared_identities as materialized (
    select hashtextextended(i.identity_user_id, 0) as hash
    from logto.user_identities i
    where i.identity_user_id is not null
    group by i.tenant_id, i.target, 1
    having count(*) > 1
)
select u.tenant_id, 'e-mail' as kind, lower(u.primary_email) as value, count(*) as users, array_agg(u.id order by u.id) as user_ids
from logto.users u
where hashtextextended(lower(u.primary_email), 0) in (select s.hash from shared_addresses s)
group by u.tenant_id, lower(u.primary_email)
having count(*) > 1
union all
select u.tenant_id, 'phone', u.primary_phone, count(*), array_agg(u.id order by u.id)
from logto.users u
where hashtextextended(u.primary_phone, 0) in (select s.hash from shared_phones s)
group by u.tenant_id, u.primary_phone
having count(*) > 1
union all
select i.tenant_id, 'social identity', i.target || ' ' || i.identity_user_id, count(*), array_agg(i.user_id order by i.user_id)
from logto.user_identities i
where hashtextextended(i.identity_user_id, 0) in (select s.hash from shared_identities s)
group by i.tenant_id, i.target, i.identity_user_id
having count(*) > 1
union all
select i.tenant_id, 'enterprise identity', i.issuer || ' ' || i.identity_id, count(distinct i.user_id), array_agg(distinct i.user_id order by i.user_id)
from logto.user_sso_identities i
where i.issuer is not null and i.identity_id is not null
group by i.tenant_id, i.issuer, i.identity_id
having count(distinct i.user_id) > 1;
