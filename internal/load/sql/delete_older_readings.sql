-- Of several readings of an item only the last one counts; the same of an
-- element that an item has more than once. A transaction whose commit was not
-- heard of has been repeated: then even their numbers are the same.
delete from {{.Stage}} older
using {{.Stage}} newer
where older.tenant_id = $1 and newer.tenant_id = $1 and {{.KeysMatch "older" "newer"}}
    and (older.stage_seq, older.ctid) < (newer.stage_seq, newer.ctid)
