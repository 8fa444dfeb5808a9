-- title: Erasures
-- question: When were people erased from the mirror, how many, and by whom? Was the user with this id?
-- param user_id text = null: Logto id, of which no more than a hash is kept; null: all erasures.
-- param tenant tenant = null: Tenant to ask about.
-- column rows: Rows erased, in the mirror and its history.
select tenant_id, erased_at, erased_by, people, (select sum(rows::bigint) from jsonb_each_text(erased_rows) e (table_name, rows)) as rows
from report.erasures_of(@user_id, @tenant)
order by erased_at desc, erasure_id desc
