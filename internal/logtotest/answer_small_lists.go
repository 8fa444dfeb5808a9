package logtotest

import (
	_ "embed"
	"slices"
	"strings"
)

// This file answers for connectors, templates and the other small lists.

// logos are the light and the dark logo the server ships for an OIDC provider.
//
//go:embed sso-logo.txt
var logos string

func (c *apiRequest) listSSOConnectors() answer {
	tab := c.t.tables["sso_connectors"]
	l := c.tableListing(tab, nil, c.ssoConnectorAppender(tab))
	l.optional = true
	return c.answerListing(l)
}

// ssoConnectorAppender adds what the provider's factory says. providerConfig is
// left out, as it is by a server that cannot reach the provider.
func (c *apiRequest) ssoConnectorAppender(tab *table) func(b []byte, r *row) []byte {
	light, dark, _ := strings.Cut(strings.TrimSpace(logos), "\n")
	return func(b []byte, r *row) []byte {
		kind := "oidc"
		if strings.Contains(tab.text(r, "provider_name"), "SAML") {
			kind = "saml"
		}
		b = append(c.appendOpenRow(b, tab, r, true), `,"name":`...)
		b = append(b, tab.columnJSON(r, "provider_name")...)
		b = append(b, `,"providerType":"`+kind+`","providerLogo":`...)
		b = append(b, quote(light)...)
		b = append(b, `,"providerLogoDark":`...)
		return append(append(b, quote(dark)...), '}')
	}
}

// connectorAppender adds the static part of a connector's factory.
func (c *apiRequest) connectorAppender(tab *table) func(b []byte, r *row) []byte {
	return func(b []byte, r *row) []byte {
		id := tab.text(r, "connector_id")
		kind, name := "Social", strings.TrimSuffix(id, "-universal")
		switch {
		case strings.Contains(id, "mail") || strings.Contains(id, "smtp"):
			kind = "Email"
		case strings.Contains(id, "sms"):
			kind = "Sms"
		}
		b = c.appendOpenRow(b, tab, r, false)
		b = append(b, `,"type":`+quote(kind)+`,"target":`+quote(name)+`,"platform":null,"name":{"en":`+quote(name)+`}`...)
		return append(b, `,"description":{"en":""},"logo":"","logoDark":null,"readme":""}`...)
	}
}

func (c *apiRequest) listConnectors() answer {
	tab := c.t.tables["connectors"]
	return c.answerUnpagedRows(tab, tab.sortedByID(), c.connectorAppender(tab))
}

// answerUnpagedRows answers a list that is never paged, of rows picked by filters on
// columns that are query parameters of the same name.
func (c *apiRequest) answerUnpagedRows(tab *table, rows []*row, show func([]byte, *row) []byte, filters ...string) answer {
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	rows = slices.DeleteFunc(slices.Clone(rows), func(r *row) bool {
		return slices.ContainsFunc(filters, func(col string) bool {
			want := c.q.get(camel(col))
			return want != "" && tab.columnJSON(r, col) != quote(want)
		})
	})
	return answer{status: 200, body: appendList(nil, rows, show)}
}

func (c *apiRequest) rowsSortedBy(name string, key ...string) (*table, []*row) {
	tab := c.t.tables[name]
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	rows := slices.Clone(tab.heap)
	slices.SortStableFunc(rows, func(a, b *row) int {
		for _, col := range key {
			if n := strings.Compare(tab.columnJSON(a, col), tab.columnJSON(b, col)); n != 0 {
				return n
			}
		}
		return 0
	})
	return tab, rows
}

func (c *apiRequest) listEmailTemplates() answer {
	tab, rows := c.rowsSortedBy("email_templates", "language_tag", "template_type")
	return c.answerUnpagedRows(tab, rows, c.rowAppender(tab), "language_tag", "template_type")
}

func (c *apiRequest) listCustomPhrases() answer {
	tab, rows := c.rowsSortedBy("custom_phrases", "language_tag")
	return c.answerUnpagedRows(tab, rows, c.rowAppender(tab))
}

func (c *apiRequest) listDomains() answer {
	tab, rows := c.rowsSortedBy("domains", "created_at")
	return c.answerUnpagedRows(tab, rows, func(b []byte, r *row) []byte { return append(c.appendOpenRow(b, tab, r, false), '}') })
}

func (c *apiRequest) listProfileFields() answer {
	tab, rows := c.rowsSortedBy("custom_profile_fields")
	slices.SortStableFunc(rows, func(a, b *row) int {
		x, y := tab.columnJSON(a, "sie_order"), tab.columnJSON(b, "sie_order")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
	return c.answerUnpagedRows(tab, rows, c.rowAppender(tab))
}

// listOneTimeTokens counts without its filters, as the server does.
func (c *apiRequest) listOneTimeTokens() answer {
	tab := c.t.tables["one_time_tokens"]
	email, status := c.q.get("email"), c.q.get("status")
	l := foundRowsListing(func() []*row {
		var rows []*row
		for _, r := range sortedNewestFirst(tab.heap) {
			r = c.t.withComputedStatus(tab, r)
			if (email == "" || tab.text(r, "email") == email) && (status == "" || tab.text(r, "status") == status) {
				rows = append(rows, r)
			}
		}
		return rows
	}, c.rowAppender(tab))
	l.optional, l.count = true, func() int { return len(tab.heap) }
	return c.answerListing(l)
}
