-- Moves what was added to the GIN indexes of a table since the last vacuum from
-- their pending lists, which a search reads in full, into the indexes.
select gin_clean_pending_list(i.indexrelid)
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_am a on a.oid = c.relam
where i.indrelid = $1::text::regclass and i.indisvalid and a.amname = 'gin'
