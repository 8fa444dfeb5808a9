-- The listings that tables ($1) are of and whose last reading is not proved, or that
-- nobody reads, in tenants ($2).
select f.listing, f.state, coalesce(f.reason, ''), array_agg(f.tenant_id::text order by f.tenant_id)
from report.freshness f
where f.table_names && $1 and f.tenant_id = any($2) and f.state <> 'proved'
group by f.listing, f.state, f.reason
order by f.listing, f.state;
