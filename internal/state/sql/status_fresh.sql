select f.tenant_id, f.listing, f.run_id, f.proof, coalesce(f.reason, '') as reason, f.read_at, f.last_proved_at as proved_at,
    f.followed_until, f.followed_sources as followed_by, coalesce(f.followed_gap, '') as followed_gap
from report.freshness f
where f.run_id is not null
order by f.tenant_id, f.listing
