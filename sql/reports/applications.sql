-- title: Applications
-- question: Which applications are there, and whom do they serve?
-- param tenant text = null: Tenant to ask about; null: all.
select application, type, is_third_party, cardinality(organizations) as organizations, sign_ups, roles
from report.application_directory
where (@tenant is null or tenant_id = @tenant)
order by type, application, application_id
