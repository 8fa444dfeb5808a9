-- The listings that fill some tables ($1), or tables that functions of schema report
-- ($2) read or require, by tenant.
with needed (table_name) as (
    select unnest($1::text[])
    union
    select unnest(string_to_array(found[1], ','))
    from pg_proc p
    cross join regexp_matches(p.prosrc, 'report\.require_(?:tables|past)\(''\{([a-z_,]+)\}''', 'g') found
    where p.pronamespace = 'report'::regnamespace and p.proname = any ($2)
    union
    select found[1]
    from pg_proc p
    cross join regexp_matches(p.prosrc, '\mlogto\.([a-z_]+)', 'g') found
    where p.pronamespace = 'report'::regnamespace and p.proname = any ($2)
)
select f.tenant_id::text, f.listing, f.is_optional, f.state, max(m.history_since) as history_since
from report.freshness f
left join report.mirrored_tables m on m.tenant_id = f.tenant_id and m.listing = f.listing
where f.table_names && array(select table_name from needed)
group by f.tenant_id, f.listing, f.is_optional, f.state
order by f.tenant_id, f.is_optional, f.listing
