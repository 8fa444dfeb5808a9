package logtotest

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Server answers for one Tenant. The exported fields are set by NewServer and Start
// and only read afterwards. All methods are safe for concurrent use.
type Server struct {
	URL       string  // "http://127.0.0.1:port" after Start, "" after NewServer
	AppID     string  // a machine-to-machine application that may read everything
	AppSecret string  // its secret
	Resource  string  // the Management API's resource indicator
	Tenant    *Tenant // the state, to change and to compare with

	routes  []route
	orderly bool
	seed    uint64
	http    *httptest.Server // nil unless started

	mu         sync.Mutex // guards what is below
	onRequest  func(int, *http.Request)
	inBetween  func(int, *http.Request)
	tokens     map[string]token
	ttl        time.Duration
	scope      string
	edition    *versionFeatures
	added      map[string]string // fields that items of a table have beside their columns
	faults     []*injectedFault
	dice       uint64
	brokenRows []string
	throttle   throttle
	counts     Counters
	active     int
	arrivals   []time.Time
	paths      map[string]int
	uris       []string
}

// An Option changes how a Server behaves from the start.
type Option func(*Server)

// Orderly takes the bad habits away: ties and unordered lists come in one fixed
// order. Nothing of it can be relied on with a real Logto.
func Orderly() Option { return func(s *Server) { s.orderly = true } }

// WithSeed sets what ties and chances are drawn from; the default is 1.
func WithSeed(seed uint64) Option { return func(s *Server) { s.seed, s.dice = seed, seed } }

// WithVersion makes the server answer as that version of Logto ("1.25") does; the
// default, "", is Newest. It panics where CheckVersion returns an error.
func WithVersion(version string) Option { return func(s *Server) { s.SetVersion(version) } }

// CheckVersion tells why a version of Logto cannot be simulated.
func CheckVersion(version string) error {
	_, err := newVersionFeatures(version)
	return err
}

// NewServer makes a Server to be mounted or served by the caller.
func NewServer(t *Tenant, opts ...Option) *Server {
	s := &Server{
		Tenant: t, routes: routes(), seed: 1, dice: 1, scope: "all",
		tokens: map[string]token{}, paths: map[string]int{},
	}
	s.SetVersion(Newest)
	for _, o := range opts {
		o(s)
	}
	s.AppID, s.AppSecret, s.Resource = t.managementAPICredentials()
	return s
}

// managementAPICredentials finds an application that may read everything.
func (t *Tenant) managementAPICredentials() (id, secret, resource string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	apps, secrets, resources := t.tables["applications"], t.tables["application_secrets"], t.tables["resources"]
	for _, res := range resources.heap {
		if indicator := resources.text(res, "indicator"); strings.HasSuffix(indicator, ".logto.app/api") {
			resource = indicator
		}
	}
	for _, app := range apps.heap {
		scopes, _, ok := t.applicationResourceScopes(app.id, resource)
		found := secrets.where("application_id", app.id)
		if ok && len(found) > 0 && strings.Contains(" "+strings.Join(scopes, " ")+" ", " all ") {
			return app.id, secrets.text(found[0], "value"), resource
		}
	}
	return "", "", resource
}

// idleTimeout is when the server closes a connection nobody uses.
const idleTimeout = 5 * time.Second

// Start is NewServer, listening on a free port of the loopback interface. The caller
// closes it. It panics when it cannot listen, as httptest does.
func Start(t *Tenant, opts ...Option) *Server {
	s := NewServer(t, opts...)
	s.http = httptest.NewUnstartedServer(s)
	s.http.Config.IdleTimeout = idleTimeout
	s.http.Start()
	s.URL = s.http.URL
	return s
}

// Close stops a started Server, cutting open connections, and waits for its
// handlers. It is safe to call twice.
func (s *Server) Close() {
	if s.http != nil {
		s.http.CloseClientConnections()
		s.http.Close()
	}
}

// OnRequest sets a function that is called before a request is answered, with
// the number of the request (from 1, tokens not counted). It may change the
// Tenant. nil takes it away. Calls may overlap when requests do.
func (s *Server) OnRequest(f func(n int, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRequest = f
}

// BetweenStatements is OnRequest for the moment between the two statements of a
// paged listing: after the count, before the rows.
func (s *Server) BetweenStatements(f func(n int, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inBetween = f
}

func (s *Server) callBetweenStatements(n int, r *http.Request) {
	s.mu.Lock()
	f := s.inBetween
	s.mu.Unlock()
	if f != nil {
		f(n, r)
	}
}

// SetTokenTTL sets how long tokens issued from now on live; 0 is an hour.
func (s *Server) SetTokenTTL(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = d
}

// SetTokenScope sets what scope tokens issued from now on are granted: "" issues
// tokens that may nothing, "all" is the default, by the application's roles.
func (s *Server) SetTokenScope(scope string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scope = scope
}

// RevokeTokens makes every token issued so far answer 401.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// SetVersion is WithVersion for a running server: an upgrade, or the way back. The
// tenant leaves the events of that version from then on; of several servers of one
// tenant, the last one decides.
func (s *Server) SetVersion(version string) {
	e, err := newVersionFeatures(version)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	s.edition = e
	s.mu.Unlock()
	s.Tenant.mu.Lock()
	defer s.Tenant.mu.Unlock()
	s.Tenant.edition = e
}

// AddField makes items of a table show one field more, as those of a version that
// is not out yet. value is raw JSON.
func (s *Server) AddField(table, name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := maps.Clone(s.added) // requests under way read the old one
	if added == nil {
		added = map[string]string{}
	}
	added[table] += "," + quote(name) + ":" + value
	s.added = added
}

// SendsColumn tells if items of a table show a column in the server's version. A field
// that has no column of its own is named like one: users.has_password.
func (s *Server) SendsColumn(table, column string) bool {
	s.mu.Lock()
	e := s.edition
	s.mu.Unlock()
	return e.sendsColumn(table, column)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Logto-Core-Request-Id", requestID(s.nextRandom()))
	w.Header().Set("Date", s.Tenant.Now().Format(http.TimeFormat))
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		s.serveOIDC(w, r)
		return
	}
	c := &apiRequest{s: s, t: s.Tenant, r: r, sent: parseQuery(r.URL.RawQuery)}
	if r.URL.Path != "/api/status" {
		c.n = s.countRequest(r)
		defer s.requestDone()
	}
	s.mu.Lock()
	hook := s.onRequest
	s.mu.Unlock()
	if hook != nil && c.n > 0 {
		hook(c.n, r)
	}
	if a, refused := s.checkThrottle(time.Now()); refused && c.n > 0 {
		a.write(w, r)
		return
	}
	s.mu.Lock()
	c.edition, c.added = s.edition, s.added
	s.mu.Unlock()
	c.q = c.edition.filterQuery(slices.Clone(c.sent))
	s.respondWithFaults(w, r, c, func() answer { return s.answer(c) })
}

func (s *Server) serveOIDC(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/oidc/token" || r.Method != http.MethodPost {
		a := plainText(http.StatusNotFound)
		a.write(w, r)
		return
	}
	s.mu.Lock()
	s.paths[r.URL.Path]++
	s.mu.Unlock()
	s.respondWithFaults(w, r, &apiRequest{s: s, t: s.Tenant, r: r}, func() answer { return s.answerTokenRequest(r) })
}

// requestID looks like the server's.
func requestID(n uint64) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	b := make([]byte, 16)
	for i := range b {
		n = mixSeed(n, uint64(i))
		b[i] = alphabet[n%uint64(len(alphabet))]
	}
	return string(b)
}

// nextRandom is the next number of the server's dice.
func (s *Server) nextRandom() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dice++
	return mixSeed(s.seed, s.dice)
}

// sleep waits, unless the client goes away first.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// resetConnection closes a connection so that the client sees a reset.
func resetConnection(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a plain close is as good
			}
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
