-- title: Applications
-- question: Which applications are there, and whom do they serve?
-- param tenant tenant = null: Tenant to ask about.
-- column organizations: Number of organizations it belongs to. Empty: not known.
-- column sign_ups: Number of users who signed up with it. Empty: not known.
select tenant_id, application_id, application, type, is_third_party, cardinality(organizations) as organizations, sign_ups, roles
from report.application_directory
where (@tenant is null or tenant_id = @tenant)
order by tenant_id, type, application, application_id
