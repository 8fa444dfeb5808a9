-- title: Invitations
-- question: Which invitations are open, and what became of the others?
-- param status Pending|Accepted|Expired|Revoked = null: What became of them; null: all.
-- param organization organization = null: Organization they are to; null: any.
-- param tenant tenant = null: Tenant to ask about.
-- column expires: Day it expires, in UTC.
select tenant_id, organization_id, organization, invitee, status, organization_roles, expires_at::date as expires, inviter_id, inviter
from report.invitations
where (@tenant is null or tenant_id = @tenant) and (@status is null or status = @status)
    and (@organization is null or organization_id = @organization)
order by tenant_id, expires_at desc, invitation_id
