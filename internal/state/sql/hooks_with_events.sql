-- The webhooks of a tenant ($1) that say which events they are for, as an array of
-- objects. Those of one that is switched off are none.
select coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'created_at', h.created_at,
    'events', case when h.enabled is false then '[]'::jsonb else h.events end)), '[]')
from logto.hooks h
where h.tenant_id = $1 and jsonb_typeof(h.events) = 'array'
