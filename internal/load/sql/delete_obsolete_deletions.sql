-- What was read again after it had been gone is not gone, and what the mirror
-- does not have need not leave it.
delete from {{.Deletions}} d
where d.listing = $1 and (
    {{if .Staged}}exists (select from {{.Stage}} s where {{.MatchesDeletion "s"}})
    or {{end}}not exists (select from {{.Mirror}} m where m.tenant_id = $2 and {{.MatchesDeletion "m"}})
)
