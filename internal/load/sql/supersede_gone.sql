-- An item that was gone when it was last asked for is gone, whatever was read
-- of it before.
delete from {{.Stage}} s
using {{.Gone}} g
where g.listing = $1 and {{.GoneMatch "s"}} and g.stage_seq > s.stage_seq
