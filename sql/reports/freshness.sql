-- title: Freshness and proof
-- question: How fresh is each table, what was proved of it, and what is not mirrored?
-- param tenant tenant = null: Tenant to ask about.
-- column rows: Items that its last reading found.
select tenant_id, listing, state, distinct_ids as rows, read_at, last_proved_at, reason,
    followed_until, followed_gap
from report.freshness
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, state = 'not mirrored', listing
