package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	wantEndpoint     = "an address such as https://acme.logto.app"
	selfHosted       = "https://default.logto.app/api"
	selfHostedAdmin  = "https://admin.logto.app/api"
	maxConcurrency   = 64
	usualConcurrency = 16
)

// Cloud reports whether Logto Cloud serves the tenant. The endpoint tells, or the
// resource: self-hosted servers have resources below logto.app too, but always the
// same two.
func (t Tenant) Cloud() bool {
	if t.Resource == selfHosted || t.Resource == selfHostedAdmin {
		return false
	}
	return onCloud(t.Endpoint) || onCloud(t.Resource)
}

func onCloud(address string) bool {
	u, err := url.Parse(address)
	return err == nil && strings.HasSuffix(u.Hostname(), ".logto.app")
}

func checkTenant(d *decoder, path string, t *Tenant) {
	checkEndpoint(d, path+".endpoint", t)
	checkResource(d, path+".resource", t)
	checkRateLimit(d, path+".limit", t)
	setDefault(d, path+".concurrency", &t.Concurrency, usualConcurrency)
	d.reportUnless(t.Concurrency >= 1 && t.Concurrency <= maxConcurrency, path+".concurrency", "1 to 64",
		"6 is usual: the server answers each request with two or more of its 20 database connections")
	setDefault(d, path+".max_delete.percent", &t.MaxDelete.Percent, 20)
	d.reportUnless(t.MaxDelete.Percent >= 0 && t.MaxDelete.Percent <= 100, path+".max_delete.percent", "0 to 100", "")
	setDefault(d, path+".max_delete.rows", &t.MaxDelete.Rows, 100)
	d.reportUnless(t.MaxDelete.Rows >= 0, path+".max_delete.rows", "0 or more", "")
}

// checkEndpoint normalises the endpoint: lower-case host, no slash at its end.
func checkEndpoint(d *decoder, path string, t *Tenant) {
	if !d.isValid(path) {
		return
	}
	u, err := url.Parse(t.Endpoint)
	if err != nil || u.Hostname() == "" || !portOK(u) || (u.Scheme != "https" && u.Scheme != "http") {
		hint := ""
		if err == nil && !strings.Contains(t.Endpoint, "://") {
			hint = "it begins with https://"
		}
		d.report(path, "must be "+wantEndpoint+", is "+d.shownURL(path), hint)
		return
	}
	u.Host, u.Path = strings.ToLower(u.Host), strings.TrimSuffix(u.Path, "/")
	extra := extraURLPart(u)
	if extra != "" {
		d.report(path, "must be scheme and host only, has "+extra+" too", d.suggestedValueHint(path, u.Scheme+"://"+u.Host))
		return
	}
	t.Endpoint = u.Scheme + "://" + u.Host
	switch {
	case u.Scheme == "http" && onCloud(t.Endpoint):
		d.report(path, "must begin with https:// for Logto Cloud", d.suggestedValueHint(path, "https://"+u.Host))
	case u.Scheme == "http" && !loopback(u.Hostname()):
		d.warn(path, "http sends the application's secret in clear text", "use https unless the network between is yours alone")
	}
}

// extraURLPart names the part of u that is neither scheme nor host; empty: none.
func extraURLPart(u *url.URL) string {
	switch {
	case u.User != nil:
		return "a user or password"
	case u.Path != "":
		return "a path (Logto does not support one)"
	case u.RawQuery != "" || u.ForceQuery:
		return "a query"
	case u.Fragment != "":
		return "a fragment"
	}
	return ""
}

func portOK(u *url.URL) bool {
	if !strings.Contains(u.Host[strings.LastIndex(u.Host, "]")+1:], ":") {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

// suggestedValueHint is the hint to write that instead of the value at path, unless it would
// show the value of a variable.
func (d *decoder) suggestedValueHint(path, instead string) string {
	if len(d.fieldAt(path).vars) > 0 {
		return ""
	}
	return "write " + instead
}

// shownURL is shownValue for a URL, which may hold a password.
func (d *decoder) shownURL(path string) string {
	if strings.Contains(d.fieldAt(path).text, "@") {
		return "another form"
	}
	return d.shownValue(path)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func checkResource(d *decoder, path string, t *Tenant) {
	endpoint := strings.TrimSuffix(path, "resource") + "endpoint"
	switch {
	case d.fieldAt(path).bad || !d.isValid(endpoint):
		return
	case !d.fieldAt(path).set && onCloud(t.Endpoint):
		t.Resource = t.Endpoint + "/api"
		return
	case !d.fieldAt(path).set:
		t.Resource = selfHosted
		return
	}
	if t.Cloud() && !onCloud(t.Endpoint) {
		d.report(endpoint, "must be the tenant's own address, https://<tenant id>.logto.app: Logto Cloud does not serve the Management API at a custom domain",
			d.suggestedValueHint(path, "endpoint: "+strings.TrimSuffix(t.Resource, "/api")))
		return
	}
	u, err := url.Parse(t.Resource)
	switch want := t.Endpoint + "/api"; {
	case onCloud(t.Endpoint) && t.Resource != want:
		d.report(path, "must be "+d.shownCloudResource(endpoint, want)+", is "+d.shownURL(path), "on Logto Cloud it follows from the endpoint: remove it")
	case err != nil || u.Scheme == "" || u.Host == "" || u.User != nil:
		d.report(path, "must be a resource indicator such as "+selfHosted+", is "+d.shownURL(path),
			"self-hosted, it is "+selfHosted+": remove it")
	}
}

// shownCloudResource is the value that follows from the field at path; it is shown unless
// that field holds a variable.
func (d *decoder) shownCloudResource(path, value string) string {
	if len(d.fieldAt(path).vars) > 0 {
		return "the endpoint followed by /api"
	}
	return value
}

func checkRateLimit(d *decoder, path string, t *Tenant) {
	if !d.fieldAt(path).set {
		if t.Cloud() {
			t.Limit = Limit{Requests: 200, Per: 10 * time.Second}
		}
		return
	}
	d.reportUnless(t.Limit.Requests >= 1, path+".requests", "1 or more", "for no limit, write limit: none")
	d.reportUnless(t.Limit.Per > 0, path+".per", "more than 0s", "for no limit, write limit: none")
}
