-- An element need not have changed, nor an item whose elements are withheld
-- again: its hash is nobody's.
update {{.Mirror}} m
set {{.Assign}}, valid_from = case when {{.IsNewVersion}} then $2 else m.valid_from end
from {{.Stage}} s{{.HMACPadsRelation}}
where m.tenant_id = $1 and s.tenant_id = $1 and {{.KeysMatch "m" "s"}}
    and ({{.NonKeyColumns "m."}}) is distinct from ({{.NonKeyColumns "s."}})
