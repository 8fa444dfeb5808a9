-- Two programs may find out at once that a shape is new.
insert into syncer.row_shapes (listing, tag, shape)
select n.listing, n.tag, n.shape::jsonb
from unnest($1::text[], $2::bytea[], $3::text[]) as n (listing, tag, shape)
order by n.listing, n.tag
on conflict do nothing
