-- title: Sign-ups
-- question: How many people signed up in each month (week, day), and how many of them came back?
-- param unit month|week|day = month: Length of the periods.
-- param since date = 2000-01-01: First day that counts, in UTC.
-- param tenant tenant = null: Tenant to ask about.
-- column percent: Percentage of them who came back.
-- column since: First day of the period, in UTC.
-- column sign_ups: Users created in the period who are still there.
-- column came_back: How many of them last signed in a day or more after they were created.
select tenant_id, date_trunc(@unit, day)::date as since, sum(sign_ups)::bigint as sign_ups, sum(came_back)::bigint as came_back,
    round(100.0 * sum(came_back) / sum(sign_ups), 1) as percent
from report.sign_ups_by_day
where (@tenant is null or tenant_id = @tenant) and day >= @since
group by 1, 2
order by 1, 2 desc
