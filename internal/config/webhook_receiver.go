package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"
)

// A Webhook receives the deliveries of Logto's webhooks. What a delivery says is
// not read: it is a hint to ask Logto what changed.
type Webhook struct {
	// Address of the receiver, for example 0.0.0.0:8078. Empty: that of the status
	// page, which should not be reachable from the internet.
	Listen string `yaml:"listen,omitempty"`
	// The webhooks, at most one of each tenant.
	Hooks []Hook `yaml:"hooks,omitempty"`
}

// A Hook is a webhook of Logto and where its deliveries arrive.
type Hook struct {
	// The tenant. A job with read: changes reads it.
	Tenant string `yaml:"tenant"`
	// The webhook's signing key, which Logto's Console shows. Take it from the
	// environment.
	SigningKey Secret `yaml:"signing_key"`
	// Path of its deliveries. Default: /webhook/ followed by the tenant's name.
	Path string `yaml:"path,omitempty"`
}

func checkWebhookReceiver(d *decoder, c *Config) {
	w := &c.Serve.Webhook
	d.reportUnless(isListenAddress(w.Listen), "serve.webhook.listen", "host:port such as 0.0.0.0:8078", "")
	if at := "serve.webhook"; d.isValid(at) && len(w.Hooks) == 0 && !d.fieldAt(at+".hooks").bad {
		d.report(at+".hooks", "is not set, must be a list of at least one", "hooks: [{tenant: NAME, signing_key: ${LOGTO_HOOK_SIGNING_KEY}}]")
	}
	for i := range w.Hooks {
		checkHook(d, c, i)
	}
}

func checkHook(d *decoder, c *Config, i int) {
	at, hooks := fmt.Sprintf("serve.webhook.hooks[%d]", i), c.Serve.Webhook.Hooks
	h, before := &hooks[i], hooks[:i]
	if path := at + ".signing_key"; d.isValid(path) && len(h.SigningKey) < minTokenLength {
		d.report(path, fmt.Sprintf("must be %d characters or more, is shorter", minTokenLength), "Logto's Console shows the key on the webhook's page")
	}
	checkHookTenant(d, c, at+".tenant", h.Tenant, before)
	checkHookPath(d, at+".path", h, before)
}

func checkHookTenant(d *decoder, c *Config, at, tenant string, before []Hook) {
	names, sure := knownTenantNames(d, c.Tenants)
	switch {
	case !d.isValid(at):
	case sure && !slices.Contains(names, tenant):
		d.report(at, "unknown tenant "+d.shownValue(at), nameHint(tenant, names))
	case slices.ContainsFunc(before, func(h Hook) bool { return h.Tenant == tenant }):
		d.report(at, "has another hook: one is enough for all events", "")
	case sure && !d.fieldAt("jobs").bad && len(c.ChangesJobs(tenant)) == 0:
		d.report(at, "has no job with read: changes, which a delivery would start", `add one: {name: fresh, read: changes, schedule: "@every 2m"}`)
	}
}

// checkHookPath allows paths that are a pattern of nothing but themselves, and
// that the status server has no other use for.
func checkHookPath(d *decoder, at string, h *Hook, before []Hook) {
	form := regexp.MustCompile(`^/[A-Za-z0-9._~/-]+$`)
	reserved := []string{"/healthz", "/readyz", "/metrics", "/style.css", "/favicon.ico", "/run"}
	if !d.fieldAt(at).set && !d.fieldAt(at).bad {
		h.Path = "/webhook/" + h.Tenant
	}
	switch {
	case d.fieldAt(at).bad:
	case d.isValid(at) && (!form.MatchString(h.Path) || path.Clean(h.Path) != h.Path):
		d.report(at, "must be a path such as /webhook/acme, is "+d.shownValue(at), "")
	case slices.Contains(reserved, h.Path):
		d.report(at, "is a path of syncer serve itself", "for example /webhook/"+h.Tenant)
	case slices.ContainsFunc(before, func(b Hook) bool { return b.Path == h.Path && b.Tenant != h.Tenant }):
		d.report(at, "is the path of another hook, too", "")
	}
}
