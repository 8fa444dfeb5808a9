package logto

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// An Error says how a request failed, after its retries. It holds no token, no secret, no query and no text of a body that is not
// Logto's.
type Error struct {
	Method string
	// Path is that of the URL: with /api before it, without the query.
	Path string
	// Status is 0 if there was no answer.
	Status int
	// Code is Logto's, like "entity.not_found", or OAuth's for a token. Empty
	// for a plain 500 and for what did not come from Logto.
	Code string
	// RequestID is the server's name for the request, which its log has too.
	RequestID string
	// Message is Logto's, in English, shortened; or this package's where
	// Logto said nothing.
	Message string
	// RetryAfter is what the server asked for, or what is left of it if the
	// request was not sent for that reason. 0: it did not ask.
	RetryAfter time.Duration
	// Hint is what somebody can do about it. May be empty.
	Hint string

	kind      kind
	mediaType string // of the answer's body; "" without an answer
	err       error
}

// kind says what happened where a status alone does not.
type kind int

const (
	kindStatus      kind = iota // the status says it
	kindConnection              // no answer, or its body did not arrive
	kindInvalidBody             // 200, and a body that is no answer
	kindTooLarge                // a body over Config.MaxBody
	kindRequest                 // nothing that another attempt would change
	kindUnknownPath             // 404 or 405 in plain text
	kindAuth                    // the credentials or their rights
	kindToken                   // a request for a token, for other reasons
	kindThrottled               // the server asks for a pause longer than the retry timeout
)

// Error is one line: what was asked, what came back, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Method, e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.err != nil {
		fmt.Fprintf(&b, ": %v", e.err)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// cause names what happened in a few words, without what was asked.
func (e *Error) cause() string {
	switch {
	case e.kind == kindInvalidBody && e.mediaType != "":
		return "answered in " + e.mediaType
	case e.kind != kindConnection && e.Status != 0:
		return fmt.Sprintf("status %d", e.Status)
	case e.err != nil:
		return shortCause(e.err)
	}
	return e.Message
}

// Unwrap returns the cause below, such as a [net.OpError]. May be nil.
func (e *Error) Unwrap() error { return e.err }

// Transient reports whether the same request may succeed later. A 500 is
// transient, since a busy server answers so; one that stays is [IsPoison].
func (e *Error) Transient() bool {
	switch e.kind {
	case kindConnection, kindInvalidBody, kindUnknownPath, kindThrottled:
		return true
	case kindStatus, kindToken:
		return transientStatus(e.Status)
	}
	return false
}

// transientStatus leaves out 501, by which Logto means "not configured". It
// has 404 in it: an entity that is not there has a code, so what remains is a
// proxy without a server behind it.
func transientStatus(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return status >= 500
}

// throttled reports whether the server asked the whole tenant to wait.
func (e *Error) throttled() bool {
	return e.kind != kindConnection && isThrottling(e.Status, e.RetryAfter)
}

func isThrottling(status int, after time.Duration) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable && after > 0
}

// fewAttempts reports whether a few attempts are enough: one row may break the
// server's answer for ever.
func (e *Error) fewAttempts() bool {
	return e.kind == kindStatus && e.Status == http.StatusInternalServerError
}

// IsNotFound reports whether Logto says that what the path names does not
// exist: this user, organization or role is gone. A 404 from a proxy is not it.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound && strings.HasPrefix(e.Code, "entity.not_")
}

// IsUnknownPath reports whether the answer was a 404 or 405 in plain text. So
// answers a version of Logto from before this path was there; so do Logto when
// it does not find the tenant, and a proxy without its backend. See
// [Client.WithoutUnknownPathRetries].
func IsUnknownPath(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.kind == kindUnknownPath
}

// IsPoison reports whether the answer fails for what is in it: a 500 that
// stayed, or a body over Config.MaxBody. To ask for fewer rows may isolate the
// one that breaks it.
func IsPoison(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.kind == kindTooLarge || e.kind == kindStatus && e.Status == http.StatusInternalServerError)
}

// IsRequestTooLarge reports whether the request may have been refused for its size, or
// for that of the answer's header. certain says that it was; if not, the server
// may be out of order just as well, and only a smaller request tells.
func IsRequestTooLarge(err error) (may, certain bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.kind == kindConnection {
		return false, false
	}
	switch e.Status {
	case http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return true, true
	case http.StatusBadRequest, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable:
		return e.mediaType != "application/json", false
	}
	return false, false
}

// IsAuth reports whether the credentials or their rights are to blame: to
// retry, or to go on with another request, is pointless.
func IsAuth(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.kind == kindAuth
}

// printableOrEmpty returns s if it is short and of printable ASCII, as codes and request
// ids are, and "" otherwise: headers and bodies are not to be trusted with a
// log.
func printableOrEmpty(s string, limit int) string {
	if len(s) > limit || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return s
}

// sanitizeMessage makes a message fit for a log: printable, and no longer than limit
// bytes.
func sanitizeMessage(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || 0x80 <= r && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
