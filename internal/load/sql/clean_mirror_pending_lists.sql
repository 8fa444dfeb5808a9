-- Only their owner may do this.
select gin_clean_pending_list(i.indexrelid)
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_am a on a.oid = c.relam
where c.relnamespace = 'logto'::regnamespace and a.amname = 'gin' and i.indisvalid and pg_has_role(c.relowner, 'usage')
