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

// check fills in the defaults and reports what the types alone cannot tell.
// Fields with a problem already are left alone: one mistake, one problem.
func check(d *decoder, c *Config, known []string) {
	checkDatabase(d, c.Database)
	if !d.is("resume_within").set {
		c.ResumeWithin = 24 * time.Hour
	}
	if d.ok("resume_within") && c.ResumeWithin < 0 {
		d.report("resume_within", "want 0s or longer, have "+d.have("resume_within"), "")
	}
	checkHistory(d, &c.History)
	checkPrivacy(d, &c.Privacy)
	checkServe(d, &c.Serve)
	checkAlerts(d, c.Alerts)
	for i := range c.Tenants {
		checkTenant(d, fmt.Sprintf("tenants[%d]", i), &c.Tenants[i])
	}
	if !d.is("jobs").set && !d.is("jobs").bad {
		c.Jobs = []Job{{Name: "all"}}
	}
	for i := range c.Jobs {
		checkJob(d, fmt.Sprintf("jobs[%d]", i), &c.Jobs[i], c.Tenants, known)
	}
	checkNames(d, "tenants", len(c.Tenants), func(i int) string { return c.Tenants[i].Name })
	checkNames(d, "jobs", len(c.Jobs), func(i int) string { return c.Jobs[i].Name })
}

// checkNames reports names that are none, and names used twice.
func checkNames(d *decoder, list string, n int, nameOf func(int) string) {
	form := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	first := map[string]int{}
	for i := range n {
		path, name := fmt.Sprintf("%s[%d].name", list, i), nameOf(i)
		if !d.ok(path) {
			continue
		}
		before, again := first[name]
		switch {
		case !form.MatchString(name):
			d.report(path, "want "+wantName+", have "+d.have(path), "")
		case list == "tenants" && name == "all":
			d.report(path, `want another name than "all", which means every tenant`, "")
		case again:
			d.report(path, fmt.Sprintf("want a name of its own, have that of %s[%d]", list, before), "")
		default:
			first[name] = i
		}
	}
}

// checkDatabase never repeats what was wrong: it may be the password.
func checkDatabase(d *decoder, database Secret) {
	if !d.ok("database") {
		return
	}
	_, err := pgconn.ParseConfig(database.Reveal())
	if err == nil {
		return
	}
	have, hint := "another form", "in a URL, a password's special characters are written %40 for @, %2F for / and so on"
	scheme, _, _ := strings.Cut(database.Reveal(), "://")
	vars := d.is("database").vars
	switch {
	case errors.Is(err, fs.ErrNotExist):
		have, hint = "one that names a file which is not there", ""
	case len(vars) > 0:
		have = "another form in " + strings.Join(vars, " and ")
	case slices.Contains([]string{"mysql", "mariadb", "sqlite", "http", "https", "jdbc:postgresql"}, scheme):
		have, hint = scheme+"://", ""
	}
	d.report("database", "want "+wantDatabase+", have "+have, hint)
}

func checkHistory(d *decoder, h *History) {
	if !d.is("history.enabled").set {
		h.Enabled = true
	}
	if !d.is("history.retention").set {
		h.Retention = 400 * 24 * time.Hour
	}
	if d.ok("history.retention") && h.Retention < 24*time.Hour {
		d.report("history.retention", "want 1d or longer, have "+d.have("history.retention"), "to keep no history: enabled: false")
	}
	form := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for i, table := range h.Except {
		path := fmt.Sprintf("history.except[%d]", i)
		if d.ok(path) && !form.MatchString(table) {
			d.report(path, "want a table's name such as user_roles, have "+d.have(path), "")
		}
	}
}
