package config

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	wantName     = "a name of letters, digits, - _ . that begins with a letter or digit, at most 64"
	wantDatabase = "a Postgres URL such as postgres://user:password@host:5432/database"
)

// setDefaultsAndCheck fills in the defaults and reports what the types alone cannot tell. It
// skips fields that have a problem already: one mistake, one problem.
func setDefaultsAndCheck(d *decoder, c *Config, known []string) {
	checkDatabase(d, c.Database)
	setDefault(d, "resume_within", &c.ResumeWithin, 24*time.Hour)
	d.reportUnless(c.ResumeWithin >= 0, "resume_within", "0s or longer", "")
	checkHistory(d, &c.History)
	checkPrivacy(d, &c.Privacy)
	checkServe(d, &c.Serve)
	checkAlerts(d, c.Alerts)
	for i := range c.Tenants {
		checkTenant(d, fmt.Sprintf("tenants[%d]", i), &c.Tenants[i])
	}
	if !d.fieldAt("jobs").set && !d.fieldAt("jobs").bad {
		c.Jobs = []Job{{Name: "all"}}
	}
	for i := range c.Jobs {
		checkJob(d, fmt.Sprintf("jobs[%d]", i), &c.Jobs[i], c.Tenants, known)
	}
	checkNames(d, "tenants", len(c.Tenants), func(i int) string { return c.Tenants[i].Name })
	checkNames(d, "jobs", len(c.Jobs), func(i int) string { return c.Jobs[i].Name })
	warnUnprovedTenants(d, c)
	checkWebhookReceiver(d, c)
}

// checkNames reports invalid names and names that are used twice.
func checkNames(d *decoder, list string, n int, nameOf func(int) string) {
	form := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	first := map[string]int{}
	for i := range n {
		path, name := fmt.Sprintf("%s[%d].name", list, i), nameOf(i)
		if !d.isValid(path) {
			continue
		}
		before, again := first[name]
		switch {
		case !form.MatchString(name):
			d.report(path, "must be "+wantName+", is "+d.shownValue(path), "")
		case list == "tenants" && name == "all":
			d.report(path, `must not be "all", which means every tenant`, "")
		case again:
			d.report(path, fmt.Sprintf("is also the name of %s[%d]: must be unique", list, before), "")
		default:
			first[name] = i
		}
	}
}

// checkDatabase never quotes the value: it may contain the password.
func checkDatabase(d *decoder, database Secret) {
	if !d.isValid("database") {
		return
	}
	_, err := pgconn.ParseConfig(database.Reveal())
	if err == nil {
		return
	}
	is, hint := "is in another form", "in a URL, write special characters of a password as %40 for @, %2F for / and so on"
	scheme, _, _ := strings.Cut(database.Reveal(), "://")
	vars := d.fieldAt("database").vars
	switch {
	case errors.Is(err, fs.ErrNotExist):
		is, hint = "names a file that does not exist", ""
	case len(vars) > 0:
		is = "is in another form in " + strings.Join(vars, " and ")
	case slices.Contains([]string{"mysql", "mariadb", "sqlite", "http", "https", "jdbc:postgresql"}, scheme):
		is, hint = "is a "+scheme+":// address", ""
	}
	d.report("database", "must be "+wantDatabase+", "+is, hint)
}

func checkHistory(d *decoder, h *History) {
	setDefault(d, "history.enabled", &h.Enabled, true)
	setDefault(d, "history.retention", &h.Retention, 400*24*time.Hour)
	d.reportUnless(h.Retention >= 24*time.Hour, "history.retention", "1d or longer", "to keep no history, write enabled: false")
	form := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for i, table := range h.Except {
		d.reportUnless(form.MatchString(table), fmt.Sprintf("history.except[%d]", i), "the name of a table such as user_roles", "")
	}
}
