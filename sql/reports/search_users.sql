-- title: Search users
-- question: Which users match, by anything that is kept of them?
-- param query text = null: Part of a username, e-mail address, phone number or name, or an id; null: everybody.
-- param match fuzzy|contains|prefix|exact = fuzzy: How the query is compared.
-- param case_sensitive boolean = false: Whether case matters.
-- param custom_data jsonb = null: What the custom data contain, such as {"plan":"pro"}.
-- param custom_data_path text = null: What is true of the custom data, such as $.credits > 10.
-- param role role = null: Role they hold, by name or id.
-- param organization organization = null: Organization they are in, by name or id.
-- param organization_role organization_role = null: Organization role they hold, by name or id.
-- param email_domain text = null: Domain of the e-mail address.
-- param created_from timestamptz = null: Created then or later.
-- param created_until timestamptz = null: Created earlier.
-- param signed_in_from timestamptz = null: Last signed in then or later.
-- param signed_in_until timestamptz = null: Last signed in earlier.
-- param suspended boolean = null: Suspended or not; null: both.
-- param page integer = 1: Page to show, from 1.
-- param page_size integer = 25: Users on a page.
-- param tenant tenant = null: Tenant to ask about.
-- column name: Display name of the user. Empty: none set.
-- column last_sign_in: Day of the last sign-in, in UTC. Empty: never.
select tenant_id, user_id, name, username, primary_email, last_sign_in_at::date as last_sign_in, total
from report.search_users(query => @query, match => @match, case_sensitive => @case_sensitive, tenant => @tenant,
    custom_data => @custom_data, custom_data_path => @custom_data_path::jsonpath, role => @role, organization => @organization,
    organization_role => @organization_role, email_domain => @email_domain, created_from => @created_from, created_until => @created_until,
    signed_in_from => @signed_in_from, signed_in_until => @signed_in_until, suspended => @suspended, page => @page, page_size => @page_size)
