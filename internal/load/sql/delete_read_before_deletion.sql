-- An item that was gone when it was last asked for is gone, whatever was read
-- of it before.
delete from {{.Stage}} s
using {{.Deletions}} d
where d.listing = $1 and {{.MatchesDeletion "s"}} and d.stage_seq > s.stage_seq
