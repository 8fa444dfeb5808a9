package logto

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// A response is a complete body with status 200.
type response struct {
	path   string
	header http.Header
	body   []byte
}

// getWithToken asks once, or twice if the server refuses the token: a token may end
// before its time when keys are rotated.
func (c *Client) getWithToken(ctx context.Context, path string, query url.Values) (*response, error) {
	req, err := c.newRequest(ctx, path, query)
	if err != nil {
		return nil, err
	}
	if err := c.concurrency.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.concurrency.release()
	if err := c.limiter.throttle.wait(ctx); err != nil { // here: a token would age during a pause
		return nil, connectionError(req.Method, req.URL.EscapedPath(), err)
	}
	token, err := c.tokens.get(ctx, nil)
	if err != nil {
		return nil, err
	}
	a, err := c.sendAndRead(req, token)
	if _, refused := unauthorized(err); !refused {
		return a, err
	}
	token, err = c.tokens.get(ctx, token)
	if err != nil {
		return nil, err
	}
	a, err = c.sendAndRead(req, token)
	if e, refused := unauthorized(err); refused {
		e.markTokenRejected(token)
	}
	return a, err
}

// unauthorized reports whether a new token may help.
func unauthorized(err error) (*Error, bool) {
	e, ok := errors.AsType[*Error](err)
	return e, ok && e.Status == http.StatusUnauthorized && e.kind != kindAuth
}

// markTokenRejected makes e, the second 401 in a row, one that no retry heals, unless
// the token ended on its way through the limiter.
func (e *Error) markTokenRejected(token *oauth2.Token) {
	if isTokenExpired(token) {
		e.kind = kindConnection
		e.Message = joinMessages(e.Message, "the token ended before it arrived")
		return
	}
	e.kind = kindAuth
	e.Hint = "a new token was refused too: was the application's secret or role revoked? the endpoint " +
		"must be the host that the server takes for its own, for it refuses tokens issued under another"
}

func (c *Client) newRequest(ctx context.Context, path string, query url.Values) (*http.Request, error) {
	wrong := &Error{Method: http.MethodGet, Path: c.prefix + path, kind: kindRequest}
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

// sendAndRead sends req and reads the answer to its end.
func (c *Client) sendAndRead(req *http.Request, token *oauth2.Token) (*response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, connectionError(req.Method, req.URL.EscapedPath(), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, readResponseError(req, resp, token.AccessToken, c.tokens.conf.ClientSecret)
	}
	a := &response{path: req.URL.EscapedPath(), header: resp.Header}
	a.body, err = c.readBody(resp)
	if err != nil {
		e := errorFromHeader(req, resp)
		e.err = err
		e.kind = kindConnection
		e.Message = "read the body"
		if errors.Is(err, errTooLarge) {
			e.kind = kindTooLarge
		}
		return nil, e
	}
	return a, nil
}

var errTooLarge = errors.New("it is bigger than this client reads")

// readBody makes room for the length that the server announced, as far as that
// is credible, and fails if the body does not end where it should.
func (c *Client) readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > c.maxBody {
		return nil, errTooLarge
	}
	const credible = 8 << 20
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		b.Grow(int(min(n, credible)) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, c.maxBody+1))
	if n > c.maxBody {
		return nil, errTooLarge
	}
	return b.Bytes(), err
}
