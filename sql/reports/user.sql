-- title: One person
-- question: Who is this person?
-- param who user: Id, e-mail address, username, phone number, or an identity elsewhere.
-- param tenant tenant = null: Tenant to ask about.
select tenant_id, user_id, username, primary_email, primary_phone, name, is_suspended, created_at, last_sign_in_at, signed_up_with,
    roles, organizations, social_identities, sso_identities, mfa_factors
from report.user_directory
where (@tenant is null or tenant_id = @tenant) and user_id = @who
order by tenant_id
