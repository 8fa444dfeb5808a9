-- What privacy rules change of what is stored. $2 and $3 are for hashes.
update {{.Table}} m
set {{range $i, $set := .Set}}{{if $i}}, {{end}}{{$set}}{{end}}
from (select $2::bytea as inner_pad, $3::bytea as outer_pad) k
where m.tenant_id = $1 and ({{range $i, $differs := .Differs}}{{if $i}} or {{end}}{{$differs}}{{end}})
