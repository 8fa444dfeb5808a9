-- What was read again after it had been gone is not gone, and what the mirror
-- does not have need not leave it.
delete from {{.Gone}} g
where g.listing = $1 and (
    {{if .Staged}}exists (select from {{.Stage}} s where {{.GoneMatch "s"}})
    or {{end}}not exists (select from {{.Mirror}} m where m.tenant_id = $2 and {{.GoneMatch "m"}})
)
