package logto

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// codeNoAuthorization is what Logto answers to a request without a token.
const codeNoAuthorization = "auth.authorization_header_missing"

// maxErrorBody is how much of an error's body is read: Logto's are short.
const maxErrorBody = 64 << 10

// invalid says that something else than Logto answered, or only in part.
func (a *response) invalid(want string, err error) *Error {
	e := &Error{
		Method:    http.MethodGet,
		Path:      a.path,
		Status:    http.StatusOK,
		RequestID: parseRequestID(a.header),
		kind:      kindInvalidBody,
	}
	e.Message = fmt.Sprintf("expected %s, got %d bytes of %s", want, len(a.body), contentType(a.header))
	e.mediaType = contentType(a.header)
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

func errorFromHeader(req *http.Request, resp *http.Response) *Error {
	return &Error{
		Method:     req.Method,
		Path:       req.URL.EscapedPath(),
		Status:     resp.StatusCode,
		RequestID:  parseRequestID(resp.Header),
		RetryAfter: parseRetryAfter(resp.Header, time.Now()),
	}
}

// readResponseError reads what an answer other than 200 says. Secrets are what may not be
// quoted from it.
func readResponseError(req *http.Request, resp *http.Response, secrets ...string) *Error {
	e := errorFromHeader(req, resp)
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a cut body costs the message, not the status
	e.Code, e.Message = parseLogtoError(text, secrets)
	kind := contentType(resp.Header)
	e.mediaType = kind
	switch {
	case e.Status >= 300 && e.Status < 400:
		e.kind = kindRequest
		e.Message = "the server redirects"
		describeRedirect(e, resp)
	case e.Status == http.StatusNotFound && e.Code != "":
		e.kind = kindRequest
	case e.Status == http.StatusProxyAuthRequired:
		e.kind, e.Message, e.Hint = kindRequest, errProxyLogin.Error(), proxyLoginHint
	case e.Code == codeNoAuthorization:
		e.kind, e.Hint = kindAuth, "the request had a token: a proxy on the way drops the header Authorization (Squid: login=PASSTHRU)"
	case (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed) && kind == "text/plain":
		e.kind = kindUnknownPath
		e.Message = "no such path"
		e.Hint = "a proxy without its backend, a tenant that is not there, or a version of Logto that is too old"
	case e.Status == http.StatusForbidden && kind != "text/html":
		e.kind = kindAuth
		e.Hint = roleHint
	case e.Code == "" && e.Message == "":
		e.Message = "answered in " + kind
	}
	return e
}

// describeRedirect names the origin that a redirect points at, without its path.
func describeRedirect(e *Error, resp *http.Response) {
	e.Hint = "the endpoint in the configuration should be the address that answers without a redirect"
	if to, err := resp.Location(); err == nil {
		e.Message += " to " + printableOrEmpty(to.Scheme+"://"+to.Host, 200)
	}
}

// parseLogtoError returns the code and message of a JSON error; "" where body is
// none, or quotes a secret.
func parseLogtoError(text []byte, secrets []string) (code, message string) {
	var v struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	err := json.Unmarshal(text, &v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return "", ""
	}
	code = printableOrEmpty(v.Code, 100)
	if code != "" || v.Message == "Internal server error." {
		message = sanitizeMessage(v.Message, 300)
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
	if t = printableOrEmpty(t, 80); err != nil || t == "" {
		return "an unnamed type"
	}
	return t
}
