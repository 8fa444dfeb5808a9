-- What was read again after it had been gone is not gone, and what the mirror
-- does not have need not leave it.
delete from {{.Deletions}} d
where d.tenant_id = $1 and d.listing = $2 and (
    {{if .Staged}}exists (select from {{.Stage}} s where s.tenant_id = $1 and {{.MatchesDeletion "s"}})
    or {{end}}not exists (select from {{.Mirror}} m where m.tenant_id = $1 and {{.MatchesDeletion "m"}})
)
