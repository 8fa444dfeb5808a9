-- Rows of some items that are not as they were read: whether one is missing or
-- too many, or else in which columns they differ. Of an element that an item
-- has twice the last one counts.
with read as (
    select distinct on ({{.Keys}}) *
    from unnest({{.Read}}) with ordinality as r ({{.Columns}}, place)
    order by {{.Keys}}, place desc
), stored as (
    select * from {{.Mirror}} m
    where m.tenant_id = $1 and m.{{.Owner}} = any($2){{with .Parent}} and m.{{.}} = $3{{else}} and $3::text is not null{{end}}
)
select coalesce(s.{{.Owner}}, m.{{.Owner}}), m.{{.ItemKey}} is null or s.{{.ItemKey}} is null,
    concat_ws(',', null{{range $i, $differs := .Differs}}, case when {{$differs}} then '{{index $.Names $i}}' end{{end}})
from stored m
full join read s on {{.Join}}
where m.{{.ItemKey}} is null or s.{{.ItemKey}} is null{{range .Differs}} or {{.}}{{end}}
