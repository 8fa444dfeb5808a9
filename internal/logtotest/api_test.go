package logtotest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"logto-syncer/internal/logtotest"
)

// TestAnswers asks what the recording did not, on the recorded tenant.
func TestAnswers(t *testing.T) {
	t.Parallel()
	tenant := loadTenant(t)
	s := start(t, tenant)
	bearer := token(t, s, "all")
	const role, machine = "5ik3j9t2lmbemwwjg6i66", "m2mrealtest0000000001"
	for path, want := range map[string]struct {
		status int
		total  string // "" for none
		has    string // in the body
	}{
		"/api/users?page_size=1.5":                                                               {422, "", "entity.invalid_input"},
		"/api/users?page=1.5&page_size=2":                                                        {200, "1301", "isSuspended"},
		"/api/users?page=1&page_size=-1":                                                         {400, "", "guard.invalid_pagination"},
		"/api/users?page=&page_size=":                                                            {200, "1301", ""},
		"/api/users?joint=xor":                                                                   {400, "", "Search joint mode `xor` is not valid, expect one of or, and."},
		"/api/users?search.id=a%25&mode.id=fuzzy":                                                {400, "", "Search match mode `fuzzy` for field `id` is not valid"},
		"/api/users?search.id=a&search.id=b":                                                     {400, "", "Only one search value is allowed"},
		"/api/users?search.id=a&mode.id=similar_to":                                              {400, "", "Cannot use case-insensitive match"},
		"/api/users?search.id.x=a":                                                               {400, "", "Unsupported nested search field path"},
		"/api/users?page=0&search.nosuch=1":                                                      {400, "", "guard.invalid_pagination"},
		"/api/users?search.primary_email=alice@feed.example":                                     {200, "1", "feed_alice"},
		"/api/users?search.primaryEmail=ALICE@feed.example&isCaseSensitive=true":                 {200, "0", ""},
		"/api/users?search.username=feed%25&search.name=Nobody":                                  {200, "1", "feed_alice"},
		"/api/users?search.username=feed%25&search.name=Nobody&joint=and":                        {200, "0", ""},
		"/api/users?search.id=9vq%25&search.username=feed%25&joint=and&isCaseSensitive=true":     {200, "1", "feed_alice"},
		"/api/users?mode=exact&search=9vqjlcvlgn62":                                              {200, "1", "feed_alice"},
		"/api/users?mode.username=similar_to&search.username=feed_(alice|bob)&isCaseSensitive=1": {200, "1", "feed_alice"},
		"/api/users?mode.username=posix&search.username=^FEED":                                   {200, "1", "feed_alice"},
		"/api/users?mode.id=posix&search.id=" + url.QueryEscape("^(9vqj|zzzz)"):                  {200, "1", "feed_alice"},
		"/api/users?mode.id=posix&search.id=" + url.QueryEscape("^(9vqj"):                        {500, "", "Internal server error."},
		"/api/users?excludeRoleId=" + role:                                                       {200, "645", ""},
		"/api/users?excludeRoleId=a&excludeOrganizationId=b":                                     {400, "", "request.invalid_input"},
		"/api/users/nope/all-identities":                                                         {404, "", "entity.not_found"},
		"/api/users/nope/roles?page=0":                                                           {400, "", "guard.invalid_pagination"},
		"/api/users/nope/sessions":                                                               {200, "", "sessions"},
		"/api/users/upvhfami6q80/all-identities":                                                 {200, "", `"ssoConnectorId":"9541atzt8stq"`},
		"/api/organizations?q=NORTHWIND&page_size=100":                                           {200, "13", "Northwind"},
		"/api/organizations/y5iwezbhfstj/users?q=noah_li":                                        {200, "1", "noah_li_599"},
		"/api/organizations/y5iwezbhfstj/users?organizationRoleId=9ffgs21su6o4rhg0p8d63":         {200, "*", `"name":"admin"`},
		"/api/organizations/y5iwezbhfstj/users/01xbyrrqtf9h/roles":                               {200, "", `"name":"member"`},
		"/api/organizations/y5iwezbhfstj/users/9vqjlcvlgn62/roles":                               {422, "", "organization.require_membership"},
		"/api/organizations/1cxcn1y1l0bo/applications/" + machine + "/roles":                     {200, "", "org-role-7"},
		"/api/organizations/nope/jit/sso-connectors":                                             {404, "", "entity.not_exists_with_id"},
		"/api/organization-roles/nope":                                                           {404, "", "The resource does not exist."},
		"/api/organization-roles?q=BILL":                                                         {200, "1", `"name":"billing"`},
		"/api/organization-scopes?q=read":                                                        {200, "", `"name":"read:billing"`},
		"/api/organization-invitations?organizationId=7i9ztprebiy6":                              {200, "", "invitee3-1@example.com"},
		"/api/organization-invitations/tp7jj0pme8ue11bb2okj6":                                    {200, "", "organizationRoles"},
		"/api/roles?type=MachineToMachine":                                                       {200, "2", "robot"},
		"/api/roles?type=Robot":                                                                  {400, "", "guard.invalid_input"},
		"/api/roles?search.name=FEED%25":                                                         {200, "1", "feed-role"},
		"/api/roles?search.type=User":                                                            {400, "", "expect one of id, name, description."},
		"/api/roles?excludeUserId=9vqjlcvlgn62&page_size=100":                                    {200, "8", ""},
		"/api/roles?mode.id=exact&isCaseSensitive=true&search.id=" + role + "&search.id=nope":    {200, "1", "customer"},
		"/api/roles/" + role + "/users?search=%25alice%25":                                       {200, "1", "feed_alice"},
		"/api/roles/" + role + "/users?page_size=1":                                              {200, "656", ""},
		"/api/roles/" + role + "/users?search.nosuch=1":                                          {400, "", "request.invalid_input"},
		"/api/roles/nope/users?search.nosuch=1":                                                  {404, "", "entity.not_exists_with_id"},
		"/api/roles/nope/applications":                                                           {404, "", "entity.not_exists_with_id"},
		"/api/roles/aoss3mu45tn77as8c6e1j/scopes?page=1&page_size=3":                             {200, "8", `"resource":{`},
		"/api/applications?types=SPA&types=Native":                                               {200, "", "Mobile app"},
		"/api/applications?types=SPA&page=1":                                                     {200, "2", "Customer portal"},
		"/api/applications?types=Toaster":                                                        {400, "", "guard.invalid_input"},
		"/api/applications?isThirdParty=true&page=1":                                             {200, "0", ""},
		"/api/applications?search.name=mobile%25&page=1":                                         {200, "1", "Mobile app"},
		"/api/applications/nope/secrets":                                                         {404, "", "entity.not_exists_with_id"},
		"/api/applications/nope/organizations":                                                   {404, "", "entity.not_exists_with_id"},
		"/api/applications/nope/roles":                                                           {404, "", "entity.not_exists_with_id"},
		"/api/resources/nope":                                                                    {404, "", "The resources with ID `nope` does not exist."},
		"/api/resources?page=1&page_size=2":                                                      {200, "3", ""},
		"/api/resources/7xgktienlj0whqq6vqf2h/scopes?search.name=read%25":                        {200, "*", "read:orders"},
		"/api/hooks?includeExecutionStats=true":                                                  {200, "", `"executionStats":{"successCount":0,"requestCount":18}`},
		"/api/hooks/nope":                                                                        {404, "", "The hooks with ID `nope` does not exist."},
		"/api/hooks/p0nk9gb4ai1v598ec38m1/recent-logs?logKey=TriggerHook.User.Created":           {200, "2", "feed_alice"},
		"/api/hooks/p0nk9gb4ai1v598ec38m1/recent-logs?start_time=x":                              {400, "", "The request start_time is invalid."},
		"/api/logs?logKey=TriggerHook.User.Created":                                              {200, "0", ""},
		"/api/logs?logKey=RevokeToken&page_size=100":                                             {200, "63", ""},
		"/api/logs?applicationId=" + machine + "&logKey=ExchangeTokenBy.Unknown":                 {200, "*", ""},
		"/api/logs?userId=nope":                                                                  {200, "0", ""},
		"/api/logs/0u1xz3pkkotyrohahmhwd":                                                        {200, "", `"tenantId":"default"`},
		"/api/sso-connectors?page=1":                                                             {200, "1", "acme-oidc"},
		"/api/one-time-tokens?page=1":                                                            {200, "0", ""},
		"/api/users/9vqjlcvlgn62/custom-data":                                                    {200, "", `"plan":"pro"`},
		"/api/users/9vqjlcvlgn62/has-password":                                                   {200, "", `{"hasPassword":false}`},
		"/api/users/1tn2ddvfuamf/nope":                                                           {404, "", "Not Found"},
		"/api":                                                                                   {404, "", "Not Found"},
		"/nope":                                                                                  {404, "", "Not Found"},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			got := ask(t, s, http.MethodGet, path, bearer)
			total := got.header.Get("Total-Number")
			if got.status != want.status || !strings.Contains(got.raw, want.has) || want.total != "*" && total != want.total {
				t.Errorf("%d, total %q, want %d and %q with %q: %.300s", got.status, total, want.status, want.total, want.has, got.raw)
			}
		})
	}
}

func TestSecretsOfFactorsAreNotShown(t *testing.T) {
	t.Parallel()
	tenant := loadTenant(t)
	s := start(t, tenant)
	for _, r := range tenant.Rows("users") {
		if factors := r["mfa_verifications"].([]any); len(factors) > 0 {
			got := ask(t, s, http.MethodGet, "/api/users/"+r["id"].(string)+"/mfa-verifications", token(t, s, "all"))
			if key := factors[0].(map[string]any)["key"].(string); strings.Contains(got.raw, key) || !strings.Contains(got.raw, `"type":"Totp"`) {
				t.Errorf("factors: %s", got.raw)
			}
			return
		}
	}
	t.Error("nobody has a factor")
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	s := start(t, loadTenant(t))
	good := url.Values{"grant_type": {"client_credentials"}, "resource": {s.Resource}, "scope": {"all"}}
	with := func(kv ...string) url.Values {
		form := url.Values{}
		maps.Copy(form, good)
		for i := 0; i < len(kv); i += 2 {
			form.Set(kv[i], kv[i+1])
		}
		return form
	}
	for name, tc := range map[string]struct {
		id, secret string
		form       url.Values
		status     int
		has        string
	}{
		"the secret may come in the body":       {"", "", with("client_id", s.AppID, "client_secret", s.AppSecret), 200, `"scope":"all"`},
		"but not in both places":                {s.AppID, s.AppSecret, with("client_id", s.AppID, "client_secret", s.AppSecret), 400, "oidc.invalid_request"},
		"nobody asks":                           {"", "", good, 400, "no client authentication mechanism provided"},
		"an unknown grant type":                 {s.AppID, s.AppSecret, with("grant_type", "magic"), 400, "unsupported_grant_type"},
		"a wrong secret in the body":            {"", "", with("client_id", s.AppID, "client_secret", "x"), 401, "client authentication failed"},
		"an application that is no machine":     {"7bjv8fi2ryitihairikvn", "50f619ee51b20c7c4c16bccbfd4191bb", good, 400, "requested grant type is not allowed for this client"},
		"a machine without the role":            {"cf3m5qqr9hcryqpukw0iy", secretOf(s, "cf3m5qqr9hcryqpukw0iy"), good, 200, `"token_type":"Bearer"}`},
		"a scope the application does not have": {s.AppID, s.AppSecret, with("scope", "all other"), 200, `"scope":"all"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := askToken(t, s, tc.id, tc.secret, tc.form)
			if got.status != tc.status || !strings.Contains(got.raw, tc.has) {
				t.Errorf("%d %s, want %d with %q", got.status, got.raw, tc.status, tc.has)
			}
		})
	}
}

func secretOf(s *logtotest.Server, app string) string {
	for _, r := range s.Tenant.Rows("application_secrets") {
		if r["application_id"] == app {
			return r["value"].(string)
		}
	}
	return ""
}

// TestEverythingAtOnce changes, reads and breaks at the same time; the race
// detector is the judge, and at the end the server tells the truth.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Generate(logtotest.Options{Users: 300, Organizations: 10, Ties: true})
	s := start(t, tenant)
	bearer := token(t, s, "all")
	org, role := tenant.Rows("organizations")[0]["id"].(string), tenant.Rows("users_roles")[0]["role_id"].(string)
	var all sync.WaitGroup
	for w := range 3 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 60 {
				id, err := tenant.CreateUser(logtotest.Row{"username": fmt.Sprintf("w%d_%d", w, i)})
				check(t, err)
				check(t, tenant.AssignRole(id, role))
				check(t, tenant.AddMember(org, id))
				check(t, tenant.UpdateUser(id, logtotest.Row{"name": "Somebody"}))
				check(t, tenant.UpdateOrganization(org, logtotest.Row{"name": fmt.Sprint("Org ", i)}))
				if r.IntN(2) == 0 {
					check(t, tenant.DeleteUser(id))
				}
			}
		})
		all.Go(func() {
			for i := range 60 {
				for _, path := range []string{"/api/users?page=%d", "/api/roles?page=%d", "/api/organizations/" + org + "/users?page=%d", "/api/roles/" + role + "/users?page=%d"} {
					if res, body, err := raw(s, fmt.Sprintf(path, 1+i%5), bearer); err != nil || res.StatusCode != 200 {
						t.Errorf("%v %v %s", err, res, body)
					}
				}
			}
		})
	}
	all.Wait()
	for path, table := range map[string]string{"/api/users": "users", "/api/organizations": "organizations"} {
		if got := ask(t, s, http.MethodGet, path, bearer).header.Get("Total-Number"); got != fmt.Sprint(tenant.Count(table)) {
			t.Errorf("%s: Total-Number %s, the table has %d", path, got, tenant.Count(table))
		}
	}
	if n := having(tenant, "users_roles", "role_id", role); fmt.Sprint(n) != ask(t, s, http.MethodGet, "/api/roles/"+role+"/users", bearer).header.Get("Total-Number") {
		t.Errorf("the role has %d users", n)
	}
}

func TestPlaceholderSecrets(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 5}))
	bearer := token(t, s, "all")
	list := func() (with, without int) {
		for _, a := range ask(t, s, http.MethodGet, "/api/applications", bearer).body.([]any) {
			if _, ok := a.(map[string]any)["secret"]; ok {
				with++
			} else {
				without++
			}
		}
		return with, without
	}
	if with, without := list(); with != 3 || without != 3 {
		t.Errorf("%d applications with a secret and %d without, want 3 and 3", with, without)
	}
	s.SetVersion("1.41")
	if with, _ := list(); with != 6 {
		t.Errorf("before 1.42 %d of 6 applications show their secret", with)
	}
}

func TestCappedLogs(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Generate(logtotest.Options{Users: 1})
	for range 10_001 {
		if _, err := tenant.Insert("logs", logtotest.Row{"key": "RevokeToken"}); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, tenant)
	bearer := token(t, s, "all")
	for path, want := range map[string][2]string{
		"/api/logs?enableCap=true&logKey=RevokeGrants": {"", ""},
		"/api/logs?enableCap=true":                     {"10001", "true"},
		"/api/logs":                                    {"", ""},
	} {
		got := ask(t, s, http.MethodGet, path, bearer)
		links := strings.Join(got.header.Values("Link"), " ")
		if got.header.Get("Total-Number-Is-Capped") != want[1] || want[0] != "" && got.header.Get("Total-Number") != want[0] ||
			strings.Contains(links, `rel="last"`) == (want[1] == "true") {
			t.Errorf("%s: %v", path, got.header)
		}
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	s := start(t, loadTenant(t))
	bearer := token(t, s, "all")
	again := func(tag string) reply {
		r, err := http.NewRequest(http.MethodGet, s.URL+"/api/organization-scopes", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
		r.Header.Set("If-None-Match", tag)
		return send(t, r)
	}
	tag := again("").header.Get("ETag")
	if got := again(tag); got.status != http.StatusNotModified || got.raw != "" {
		t.Errorf("the same list: %d %s", got.status, got.raw)
	}
	if _, err := s.Tenant.Insert("organization_scopes", logtotest.Row{"name": "new"}); err != nil {
		t.Fatal(err)
	}
	if got := again(tag); got.status != http.StatusOK {
		t.Errorf("a changed list: %d", got.status)
	}
}
