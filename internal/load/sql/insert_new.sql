-- Rows the mirror does not have.
insert into {{.Mirror}} ({{.Columns ""}}{{if not .Nested}}, item_hash{{end}}, valid_from)
select {{.Columns "s."}}{{if not .Nested}}, s.item_hash{{end}}, $2::timestamptz
from {{.Stage}} s
where s.tenant_id = $1{{if not .Empty}} and not exists (select from {{.Mirror}} m where m.tenant_id = $1 and {{.KeysMatch "m" "s"}}){{end}}
