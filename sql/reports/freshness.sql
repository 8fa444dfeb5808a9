-- title: Freshness and proof
-- question: How fresh is each table, and what was proved of it?
-- param tenant text = null: Tenant to ask about; null: all.
select tenant_id, listing, proof, distinct_ids as rows, read_at, reason
from report.freshness
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, listing
