-- An item that was gone when it was last asked for is gone, whatever was read
-- of it before.
delete from {{.Stage}} s
using {{.Deletions}} d
where s.tenant_id = $1 and d.tenant_id = $1 and d.listing = $2 and {{.MatchesDeletion "s"}} and d.stage_seq > s.stage_seq
