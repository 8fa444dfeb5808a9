-- Versions that are about to be replaced, unless only volatile columns differ.
insert into {{.History}} ({{.Columns ""}}, valid_from, valid_to)
select {{.Columns "m."}}, m.valid_from, $1
from {{.Mirror}} m
join {{.Stage}} s on {{.KeysMatch "m" "s"}}
where {{.IsNewVersion}}
