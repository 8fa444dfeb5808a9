package logto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"
)

// maxErrorBody is how much of an error's body is read: Logto's are short.
const maxErrorBody = 64 << 10

// An answer is a complete body with status 200.
type answer struct {
	path   string
	header http.Header
	body   []byte
}

// get asks once, or twice if the server refuses the token: a token may end
// before its time when keys are rotated.
func (c *Client) get(ctx context.Context, path string, query url.Values) (*answer, error) {
	req, err := c.request(ctx, path, query)
	if err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.slots }()
	if err := sleep(ctx, c.gate.held()); err != nil { // a token would age in the hold
		return nil, err
	}
	var refused *Error
	for range 2 {
		token, err := c.tokens.get(ctx)
		if err != nil {
			return nil, err
		}
		a, err := c.send(req, token)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Status != http.StatusUnauthorized {
			return a, err
		}
		c.tokens.drop(token)
		if refused = e; ended(token) {
			// It ended on its way through the limiter, which says nothing
			// about the credentials.
			e.kind = kindConnection
			e.Message = joined(e.Message, "the token ended before it arrived")
			continue
		}
		e.kind = kindAuth
		e.Hint = "a new token was refused too: was the application's secret or role revoked? " +
			"the endpoint must be the host that the server takes for its own, for it refuses tokens issued under another"
	}
	return nil, refused
}

func (c *Client) request(ctx context.Context, path string, query url.Values) (*http.Request, error) {
	wrong := &Error{Method: http.MethodGet, Path: "/api" + path, kind: kindRequest}
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		wrong.Message = "not a path below /api"
		return nil, wrong
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		wrong.Message = "not a path below /api"
		return nil, wrong
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", "logto-syncer")
	return req, nil
}

// send sends req and reads the answer to its end.
func (c *Client) send(req *http.Request, token *oauth2.Token) (*answer, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreached(req, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(req, resp, token.AccessToken, c.tokens.conf.ClientSecret)
	}
	a := &answer{path: req.URL.Path, header: resp.Header}
	a.body, err = c.readBody(resp)
	if err != nil {
		e := fromResponse(req, resp)
		e.err = err
		e.kind = kindConnection
		e.Message = "read the body"
		if err == errBig {
			e.kind = kindBig
		}
		return nil, e
	}
	return a, nil
}

var errBig = errors.New("it is bigger than this client reads")

// readBody makes room for the length that the server announced, as far as that
// is credible, and fails if the body does not end where it should.
func (c *Client) readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > c.maxBody {
		return nil, errBig
	}
	const credible = 8 << 20
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		b.Grow(int(min(n, credible)) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, c.maxBody+1))
	if n > c.maxBody {
		return nil, errBig
	}
	return b.Bytes(), err
}

// garbage says that something else than Logto answered, or only in part.
func (a *answer) garbage(want string, err error) *Error {
	e := &Error{
		Method:    http.MethodGet,
		Path:      a.path,
		Status:    http.StatusOK,
		RequestID: parseRequestID(a.header),
		kind:      kindGarbage,
	}
	e.Message = fmt.Sprintf("want %s, have %d bytes of %s", want, len(a.body), contentType(a.header))
	if at, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		e.Message += fmt.Sprintf(" that stop making sense at byte %d", at.ByteOffset)
	} else {
		e.err = err
	}
	if contentType(a.header) != "application/json" {
		e.Hint = "a proxy seems to have answered instead of Logto"
	}
	return e
}

// unreached is the error of a request without an answer. Of a [url.Error] it
// keeps the cause alone, for the rest quotes the query.
func unreached(req *http.Request, err error) error {
	if ctxErr := req.Context().Err(); ctxErr != nil {
		return ctxErr
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	return &Error{Method: req.Method, Path: req.URL.Path, kind: kindConnection, err: err}
}

func fromResponse(req *http.Request, resp *http.Response) *Error {
	return &Error{
		Method:     req.Method,
		Path:       req.URL.Path,
		Status:     resp.StatusCode,
		RequestID:  parseRequestID(resp.Header),
		RetryAfter: parseRetryAfter(resp.Header, time.Now()),
	}
}

// refusal reads what an answer other than 200 says. Secrets are what may not be
// quoted from it.
func refusal(req *http.Request, resp *http.Response, secrets ...string) *Error {
	e := fromResponse(req, resp)
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a cut body costs the message, not the status
	e.Code, e.Message = logtoError(text, secrets)
	kind := contentType(resp.Header)
	switch {
	case e.Status >= 300 && e.Status < 400:
		e.kind = kindRequest
		e.Message = "the server redirects"
		redirectTo(e, resp)
	case e.Status == http.StatusNotFound && e.Code != "":
		e.kind = kindRequest
	case (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed) && kind == "text/plain":
		e.kind = kindUnknownPath
		e.Message = "the server does not know this path; an older version of Logto?"
	case e.Status == http.StatusForbidden && kind != "text/html":
		e.kind = kindAuth
		e.Hint = roleHint
	case e.Code == "" && e.Message == "":
		e.Message = "answered in " + kind
	}
	return e
}

// redirectTo names the origin that a redirect points at, without its path.
func redirectTo(e *Error, resp *http.Response) {
	e.Hint = "the endpoint in the configuration should be the address that answers without a redirect"
	if to, err := resp.Location(); err == nil {
		e.Message += " to " + plain(to.Scheme+"://"+to.Host, 200)
	}
}

// logtoError returns the code and message of a JSON error; "" where body is
// none, or quotes a secret.
func logtoError(text []byte, secrets []string) (code, message string) {
	var v struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	err := json.Unmarshal(text, &v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return "", ""
	}
	code = plain(v.Code, 100)
	if code != "" || v.Message == "Internal server error." {
		message = oneLine(v.Message, 300)
	}
	for _, s := range secrets {
		if strings.Contains(v.Code, s) || strings.Contains(v.Message, s) {
			return "", ""
		}
	}
	return code, message
}

// contentType returns the media type without its parameters.
func contentType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if t = plain(t, 80); err != nil || t == "" {
		return "an unnamed type"
	}
	return t
}
