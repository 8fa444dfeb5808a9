select
    last.tenant_id, last.listing, last.run_id, last.proof, coalesce(last.reason, '') as reason, last.read_at,
    (
        select max(c.read_at) from syncer.certificates c
        where c.tenant_id = last.tenant_id and c.listing = last.listing and c.proof = 'complete'
    ) as proved_at
from (
    select distinct on (tenant_id, listing) tenant_id, listing, run_id, proof, reason, read_at
    from syncer.certificates
    order by tenant_id, listing, run_id desc
) last
order by last.tenant_id, last.listing
