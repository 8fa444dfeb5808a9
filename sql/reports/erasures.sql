-- title: Erasures
-- question: Who was erased from the mirror, when, and by whom?
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, erased_at, erased_by, people, user_ids, (select sum(rows::bigint) from jsonb_each_text(erased_rows) e (table_name, rows)) as rows
from report.erasures
where (@tenant is null or tenant_id = @tenant)
order by erased_at desc, erasure_id desc
