-- title: What changed
-- question: What changed between two moments?
-- param since timestamptz = yesterday: After this moment.
-- param until timestamptz = infinity: Up to this one.
-- param table text = null: Table of schema logto; null: all.
-- param tenant text = null: Tenant to ask about; null: all.
select at, table_name, change, key, changed_columns
from report.changes_between(@since, @until)
where (@tenant is null or tenant_id = @tenant) and (@table is null or table_name = @table)
order by at, table_name, key
