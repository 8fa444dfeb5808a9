-- Of an item that was read again only the last reading counts.
select distinct i.field
from {{.Incomplete}} i
join {{.Stage}} s on {{.IsIncomplete "s"}}
where i.tenant_id = $1 and s.tenant_id = $1 and i.listing = $2
order by i.field
