-- Of an item that was read again only the last reading counts.
select distinct i.field
from {{.Incomplete}} i
join {{.Stage}} s on {{.IsIncomplete "s"}}
where i.listing = $1
order by i.field
