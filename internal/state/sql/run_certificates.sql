select
    run_id, listing, walk, parents, total, distinct_ids, requests, inserted, updated, deleted, unchanged,
    proof, coalesce(reason, '') as reason, notes, read_at
from report.certificates
where run_id = any($1)
order by run_id, listing
