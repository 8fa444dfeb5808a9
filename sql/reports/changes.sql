-- title: What changed
-- question: What changed between two moments?
-- param since timestamptz = yesterday: After this moment.
-- param until timestamptz = infinity: Up to this one.
-- param table table = null: Table of schema logto; null: all.
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, at, table_name, change, key, changed_columns
from report.changes_between(@since, @until, @tenant, @table)
order by tenant_id, at, table_name, key
