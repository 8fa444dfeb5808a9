-- title: Invitations
-- question: Which invitations are open, and what became of the others?
-- param status text = null: Pending, Accepted, Expired or Revoked; null: all.
-- param tenant text = null: Tenant to ask about; null: all.
select organization, invitee, status, organization_roles, expires_at::date as expires, inviter
from report.invitations
where (@tenant is null or tenant_id = @tenant) and (@status is null or status = @status)
order by expires_at desc, invitation_id
