package logto

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// through is a transport that sends everything through a proxy.
func through(t *testing.T, proxy http.HandlerFunc) http.RoundTripper {
	t.Helper()
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport, ok := newDefaultTransport(1).(*http.Transport)
	if !ok {
		t.Fatal("no transport of net/http")
	}
	transport.Proxy = http.ProxyURL(address)
	return transport
}

// A client that tries again would wait for an hour, and give up at once.
func TestWhatNoRepetitionHealsFailsAtOnceAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	login := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}
	for name, tc := range map[string]struct {
		change func(t *testing.T, f *fake, cfg *Config)
		text   string
	}{
		"a certificate of a private CA": {func(t *testing.T, f *fake, cfg *Config) {
			t.Helper()
			private := httptest.NewTLSServer(f.Config.Handler)
			t.Cleanup(private.Close)
			cfg.Endpoint = private.URL
		}, "SSL_CERT_FILE"},
		"a certificate for another name": {func(t *testing.T, f *fake, cfg *Config) {
			t.Helper()
			private := httptest.NewTLSServer(f.Config.Handler)
			t.Cleanup(private.Close)
			cfg.Endpoint = strings.Replace(private.URL, "127.0.0.1", "localhost", 1)
			transport, ok := private.Client().Transport.(*http.Transport)
			if !ok {
				t.Fatal("no transport of net/http")
			}
			cfg.Transport = transport
		}, "another host name"},
		"http at an https address": {func(_ *testing.T, f *fake, cfg *Config) {
			cfg.Endpoint = strings.Replace(f.URL, "http:", "https:", 1)
		}, "write http://"},
		"a host that there is none of": {func(_ *testing.T, _ *fake, cfg *Config) {
			cfg.Endpoint = "http://nowhere..invalid" // no name server has to be asked about it
		}, "no such host"},
		"a proxy that wants a login, for http": {func(t *testing.T, _ *fake, cfg *Config) { t.Helper(); cfg.Transport = through(t, login) }, "HTTPS_PROXY"},
		"a proxy that wants a login, for https": {func(t *testing.T, _ *fake, cfg *Config) {
			t.Helper()
			cfg.Endpoint, cfg.Transport = "https://acme.example", through(t, login)
		}, "HTTPS_PROXY"},
		"a proxy that drops the token": {func(_ *testing.T, f *fake, _ *Config) {
			f.api = respondJSON(401, `{"code":"auth.authorization_header_missing","message":"Authorization header is missing."}`)
		}, "Squid: login=PASSTHRU"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, okResponse)
			cfg := f.config()
			tc.change(t, f, &cfg)
			tune := fastTuning()
			tune.initialBackoff, tune.maxBackoff = time.Hour, time.Hour
			c := f.client(t, cfg, tune)
			_, err := c.List(t.Context(), "/users", nil)
			if err == nil {
				t.Fatal("no error")
			}
			if v := judge(err); v.Transient {
				t.Errorf("%v: is to be tried again", err)
			}
			if !strings.Contains(err.Error(), tc.text) || strings.Contains(err.Error(), "gave up") {
				t.Errorf("error %q, want one with %q after one attempt", err, tc.text)
			}
			checkHarmless(t, err)
			if n := f.pages.Load() + f.tokens.Load(); n > 2 {
				t.Errorf("%d requests, want one for a token and one more at most", n)
			}
		})
	}
}
