-- title: Organizations
-- question: Which organizations are there, how big and how alive are they?
-- param at_least bigint = 0: Fewest members to be shown.
-- param tenant tenant = null: Tenant to ask about.
-- column created: Day it was created, in UTC.
-- column last_sign_in: Day of the last sign-in of any member, in UTC. Empty: never.
-- column suspended: Number of suspended members. Empty: not known.
-- column invited: Number of invitations that were pending at the last run. Empty: not known.
select tenant_id, organization_id, organization, members, suspended_members as suspended, pending_invitations as invited, created_at::date as created, last_sign_in_at::date as last_sign_in
from report.organization_directory
where (@tenant is null or tenant_id = @tenant) and (members >= @at_least or members is null)
order by tenant_id, members desc, organization_id
