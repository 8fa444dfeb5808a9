-- For this transaction, at least 64 MB for entries of inverted indexes, and as
-- much to sort them in.
select set_config(name, greatest(setting::bigint, 64 << 10)::text, true)
from pg_settings
where name in ('gin_pending_list_limit', 'work_mem')
