-- title: Active users
-- question: How many users were active in the 1, 7, 30, 90 days before a moment, or since?
-- param at timestamptz = now: The moment.
-- param tenant tenant = null: Tenant to ask about.
-- column 1 day: Users whose last sign-in was in the day before the moment, or later.
-- column 7 days: The same of 7 days.
-- column 30 days: The same of 30 days.
-- column 90 days: The same of 90 days.
select tenant_id, users, within_1_day as "1 day", within_7_days as "7 days", within_30_days as "30 days", within_90_days as "90 days", never
from report.active_users_at(@at, @tenant)
order by tenant_id
