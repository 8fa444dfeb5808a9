-- title: Dormant users
-- question: Who had not signed in for so many days at a moment, and has not since?
-- param days integer = 90: Days without a sign-in.
-- param at timestamptz = now: Moment to count back from.
-- param tenant tenant = null: Tenant to ask about.
-- column who: The first of e-mail address, username and name that the user has.
-- column last_sign_in: Day of the last sign-in, in UTC.
select tenant_id, user_id, coalesce(primary_email, username, name) as who, last_sign_in_at::date as last_sign_in, days_away
from report.dormant_users_at(@at, @days, @tenant)
order by tenant_id, last_sign_in_at, user_id
