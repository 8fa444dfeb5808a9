package logto

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAuthenticateAsksAsLogtoWantsIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ resource, want string }{
		"on Cloud the resource follows from the endpoint": {"", "/api"},
		"a self-hosted server names its own":              {"https://default.logto.app/api", "https://default.logto.app/api"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, okResponse)
			if tc.resource == "" {
				tc.want = f.URL + tc.want
			}
			var have map[string]string
			f.token = func(w http.ResponseWriter, r *http.Request) {
				id, secret, _ := r.BasicAuth()
				have = map[string]string{
					"method": r.Method, "type": r.Header.Get("Content-Type"), "id": id, "secret": secret,
					"grant": r.PostFormValue("grant_type"), "resource": r.PostFormValue("resource"),
					"scope": r.PostFormValue("scope"), "id in body": r.PostFormValue("client_id"),
				}
				f.grant(w, 3600)
			}
			cfg := f.config()
			cfg.Resource = tc.resource
			if err := f.client(t, cfg, fastTuning()).Authenticate(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"method": "POST", "type": "application/x-www-form-urlencoded", "id": appID, "secret": "s3cret%26%25",
				"grant": "client_credentials", "resource": tc.want, "scope": "all", "id in body": "",
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuthenticateSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	oauth := func(status int, code, description string) http.HandlerFunc {
		return respondJSON(status, `{"code":"oidc.`+code+`","message":"An OIDC error occurred","error":"`+code+
			`","error_description":"`+description+`"}`, "Logto-Core-Request-Id", "req1")
	}
	for name, tc := range map[string]struct {
		token http.HandlerFunc
		text  string
		want  verdict
		asked int64 // 0: more than once
	}{
		"an unknown app id":  {oauth(400, "invalid_client", "invalid client app1"), "does not know the app id", verdict{Auth: true}, 1},
		"a wrong app secret": {oauth(401, "invalid_client", "client authentication failed"), "app secret is wrong", verdict{Auth: true}, 1},
		"an expired app secret": {
			oauth(400, "invalid_request", "client secret has expired"), "has expired", verdict{Auth: true}, 1,
		},
		"a wrong resource": {
			oauth(400, "invalid_target", "resource indicator is missing, or unknown"), "https://default.logto.app/api", verdict{Auth: true}, 1,
		},
		"an application of another type": {
			oauth(400, "invalid_request", "requested grant type is not allowed for this client"), "machine-to-machine", verdict{Auth: true}, 1,
		},
		"a missing role": {
			respondJSON(200, `{"access_token":"token-1","expires_in":3600,"token_type":"Bearer"}`), "Logto Management API access", verdict{Auth: true}, 1,
		},
		"a role without the permission": {
			respondJSON(200, `{"access_token":"token-1","expires_in":3600,"token_type":"Bearer","scope":"allow small"}`),
			"where there is none (Logto 1.16), create a role of type machine-to-machine with the permission \"all\"",
			verdict{Auth: true},
			1,
		},
		"a path that is not there": {respond(404, "text/plain", "Not Found"), "no token endpoint here", verdict{}, 1},
		"a redirect": {
			respond(308, "text/html", "", "Location", "https://other.example/x?secret=x"), "redirects to https://other.example;", verdict{}, 1,
		},
		"a page of HTML":  {respond(200, "text/html", "<html>"), "holds no token", verdict{Transient: true}, 0},
		"no token":        {respondJSON(200, `{}`), "holds no token", verdict{Transient: true}, 0},
		"a gateway":       {respond(502, "text/html", "token-1 "+appSecret), "status 502", verdict{Transient: true}, 0},
		"a plain 500":     {internalErrorResponse, "status 500", verdict{Transient: true}, 0},
		"a reset":         {resetConnection, "EOF", verdict{Transient: true}, 0},
		"too many tokens": {respondJSON(429, `{"code":"auth.exceed_token_limit","message":"Exceeded."}`), "auth.exceed_token_limit", verdict{Transient: true}, 0},
		"too many tokens for an hour": {
			respondJSON(429, `{"code":"auth.exceed_token_limit","message":"Exceeded."}`, "Retry-After", "3600"),
			"wait another 1h0m0s",
			verdict{Transient: true},
			1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, okResponse)
			f.token = tc.token
			cfg := f.config()
			cfg.RetryTimeout = 20 * time.Millisecond
			err := f.client(t, cfg, fastTuning()).Authenticate(t.Context())
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tc.want, judge(err)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(err.Error(), "POST /oidc/token") || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %q lacks %q", err, tc.text)
			}
			checkHarmless(t, err)
			if n := f.tokens.Load(); tc.asked != 0 && n != tc.asked {
				t.Errorf("asked %d times, want %d", n, tc.asked)
			}
		})
	}
}

func TestTokenIsAskedForOnceByMany(t *testing.T) {
	t.Parallel()
	f := newFake(t, okResponse)
	c := f.client(t, f.config(), fastTuning())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.List(t.Context(), "/users", nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.tokens.Load(); n != 1 {
		t.Errorf("%d tokens asked for, want 1", n)
	}
}

func TestTokenRefusedIsRenewedOnceByMany(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.api = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			unauthorizedResponse(w, r)
			return
		}
		okResponse(w, r)
	}
	c := f.client(t, f.config(), fastTuning())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.List(t.Context(), "/users", nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.tokens.Load(); n != 2 {
		t.Errorf("%d tokens asked for, want 2", n)
	}
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		life int
		want time.Duration // before its end
	}{
		"by a minute": {3600, time.Minute},
		"by a quarter of its life if it is short":  {40, 10 * time.Second},
		"by a quarter of its life if it is a wink": {20, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, okResponse)
			f.token = func(w http.ResponseWriter, _ *http.Request) { f.grant(w, tc.life) }
			c := f.client(t, f.config(), fastTuning())
			for range 3 {
				if _, err := c.List(t.Context(), "/users", nil); err != nil {
					t.Fatal(err)
				}
			}
			// Some of the life is gone when it is looked at.
			if have := c.tokens.token.Expiry.Sub(c.tokens.renewAt); have > tc.want || have < tc.want/2 {
				t.Errorf("renewed %v before its end, want %v", have, tc.want)
			}
			c.tokens.renewAt = time.Now()
			if _, err := c.List(t.Context(), "/users", nil); err != nil {
				t.Fatal(err)
			}
			if n := f.last.Header.Get("Authorization"); n != "Bearer token-2" {
				t.Errorf("the fourth request has %q, want the second token", n)
			}
		})
	}
}

func TestTokenThatEndsOnTheWayIsNotTheCredentialsFault(t *testing.T) {
	t.Parallel()
	f := newFake(t, inTurn(unauthorizedResponse, unauthorizedResponse, unauthorizedResponse, unauthorizedResponse, okResponse))
	c := f.client(t, f.config(), fastTuning())
	f.token = func(w http.ResponseWriter, _ *http.Request) { f.grant(w, -1) }
	if _, err := c.List(t.Context(), "/users", nil); err != nil {
		t.Errorf("error %v, want the fifth attempt's answer", err)
	}
}
