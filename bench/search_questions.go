package main

import "context"

// searches asks report.search_users for few of many, in its several ways.
func (c *questionTenant) searches(ctx context.Context) ([]result, error) {
	const sql = `select quote_literal(organization), quote_literal(name) from report.organization_members
where organization like '% 3' and name is not null order by user_id limit 1`
	var organization, name string
	if err := c.QueryRow(ctx, sql).Scan(&organization, &name); err != nil {
		return nil, err
	}
	var all []questionResult
	for _, s := range []struct{ name, arguments string }{
		{"a name, misspelt", "'dora keler'"},
		{"an address, misspelt", "'emma.petrof4711'"},
		{"an address, in any case", "'DORA@Example.ORG', 'exact'"},
		{"a part of an address", "'RL@keller.', 'contains'"},
		{"a name in an organization", name + ", organization => " + organization},
		{"custom data", `custom_data => '{"externalId": "crm-K41"}'`},
		{"a path of custom data", `custom_data_path => '$.externalId == "crm-K41"'`},
		{"a role", "role => 'finance'"},
		{"an organization", "organization => " + organization},
		{"a role in an organization", "organization_role => 'member', organization => " + organization},
		{"an e-mail domain", "email_domain => 'Keller.example'"},
		{"a role and an e-mail domain, suspended", "role => 'finance', email_domain => 'example.org', suspended => true"},
	} {
		a, err := c.timeQuestion(ctx, questionResult{name: "a search by " + s.name}, "select * from report.search_users("+s.arguments+")")
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	many, err := c.timeQuestion(ctx, questionResult{name: "a search by a name that hundreds have, misspelt"}, "select * from report.search_users('emma petrof')")
	if err != nil {
		return nil, err
	}
	c.lab.questionResults = append(append(c.lab.questionResults, all...), many)
	return []result{
		slowestQuestion("searches for few", "report.search_users", c.size(), all, 0.05),
		{name: "a search for many", method: "report.search_users, a common name, misspelt; " + c.size(), value: many.seconds * 1000, unit: " ms", informational: true},
	}, nil
}
