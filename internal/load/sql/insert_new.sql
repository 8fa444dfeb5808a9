insert into {{.Mirror}} ({{.Columns ""}}{{if not .Nested}}, item_hash{{end}}, valid_from)
select {{.Columns "s."}}{{if not .Nested}}, s.item_hash{{end}}, $1::timestamptz
from {{.Stage}} s
{{if not .Empty}}where not exists (select from {{.Mirror}} m where {{.KeysMatch "m" "s"}}){{end}}
