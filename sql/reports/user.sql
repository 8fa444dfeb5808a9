-- title: One person
-- question: Who is this person?
-- param who text: Id, e-mail address, username or phone number.
-- param tenant text = null: Tenant to ask about; null: all.
select user_id, username, primary_email, primary_phone, name, is_suspended, created_at, last_sign_in_at, signed_up_with,
    roles, organizations, social_identities, sso_identities, mfa_factors
from report.user_directory
where (@tenant is null or tenant_id = @tenant)
    and (user_id = @who or lower(primary_email) = lower(@who) or lower(username) = lower(@who) or primary_phone = @who)
order by user_id
