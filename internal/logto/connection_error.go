package logto

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// errProxyLogin is the error of a proxy that wants a login before it connects.
var errProxyLogin = errors.New("the HTTP proxy asks for a login (407 Proxy Authentication Required)")

const proxyLoginHint = "HTTPS_PROXY and HTTP_PROXY may hold user and password: http://user:password@proxy:3128"

// connectionError is the error of a request without an answer. Of a [url.Error] it
// keeps the cause alone, for the rest quotes the query. The cause may be the
// rate limiter's error, or that the caller's context ended, which wins later on.
func connectionError(method, path string, err error) error {
	if throttled, ok := errors.AsType[*Error](err); ok {
		throttled.Method, throttled.Path = method, path
		return throttled
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	e := &Error{Method: method, Path: path, kind: kindConnection, err: err}
	if hint := permanentConnectionHint(err); hint != "" {
		e.kind, e.Hint = kindRequest, hint
	}
	return e
}

// permanentConnectionHint says what to do about an error of a connection that no
// repetition heals; "" for the others.
func permanentConnectionHint(err error) string {
	host, isHost := errors.AsType[x509.HostnameError](err)
	certificate, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	name, isName := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, errProxyLogin):
		return proxyLoginHint
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server at the endpoint does not speak https: write http:// if nobody else is on the way, or name its https port"
	case isHost:
		return "the server has a certificate for another host name than " + printableOrEmpty(host.Host, 200) + ": is the endpoint the address the certificate was made for?"
	case isCertificate:
		if invalid, ok := errors.AsType[x509.CertificateInvalidError](certificate.Err); ok && invalid.Reason == x509.Expired {
			return "the server's certificate has expired, or the clock of this machine is wrong"
		}
		return "if a private CA issued the server's certificate, let the variable SSL_CERT_FILE name the file with the certificate of that CA"
	case isName && name.IsNotFound:
		return "no name server knows this host: is the endpoint's host name right?"
	}
	return ""
}

// shortCause names the cause of an error of a connection in a few words.
func shortCause(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return sanitizeMessage(err.Error(), 100)
}
