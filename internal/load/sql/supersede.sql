-- Of several readings of an item only the last one counts.
delete from {{.Stage}} older
using {{.Stage}} newer
where {{.KeysMatch "older" "newer"}} and older.stage_seq < newer.stage_seq
