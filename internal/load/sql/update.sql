-- Every item in the stage has changed in some way; an element need not have.
update {{.Mirror}} m
set {{.Assign}}, valid_from = case when ({{.Lasting "m."}}) is distinct from ({{.Lasting "s."}}) then $1 else m.valid_from end
from {{.Stage}} s
where {{.KeysMatch "m" "s"}}{{if .Nested}} and ({{.Lasting "m."}}) is distinct from ({{.Lasting "s."}}){{end}}
