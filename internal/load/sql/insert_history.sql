-- Versions that are about to be replaced, unless only volatile columns differ.
insert into {{.History}} ({{.Columns ""}}, valid_from, valid_to)
select {{.RedactedValues}}, m.valid_from, $2
from {{.Mirror}} m
join {{.Stage}} s on m.tenant_id = $1 and s.tenant_id = $1 and {{.KeysMatch "m" "s"}}{{.HMACPadsRelation}}
where {{.IsNewVersion}}
