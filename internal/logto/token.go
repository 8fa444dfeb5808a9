package logto

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	tokenPath = "/oidc/token"
	// renewBefore is how long before its end a token is renewed, or a quarter of
	// its life if that is less.
	renewBefore = time.Minute

	roleHint = "assign the application the role \"Logto Management API access\", which Logto brings; where there is none " +
		"(Logto 1.16), create a role of type machine-to-machine with the permission \"all\" of the \"Logto Management API\""
)

// A tokenSource holds the token of one tenant. One goroutine at a time renews it;
// the others wait for that.
type tokenSource struct {
	conf clientcredentials.Config
	http *http.Client // passes the rate limiter
	path string       // of the URL
	lock chan struct{}

	// What lock guards.
	token   *oauth2.Token // nil: none
	renewAt time.Time     // zero: when the server refuses it
}

func newTokenSource(cfg Config, endpoint *url.URL, client *http.Client) *tokenSource {
	return &tokenSource{
		conf: clientcredentials.Config{
			ClientID:       cfg.AppID,
			ClientSecret:   cfg.AppSecret,
			TokenURL:       endpoint.String() + tokenPath,
			Scopes:         []string{"all"},
			EndpointParams: url.Values{"resource": {cfg.Resource}},
			AuthStyle:      oauth2.AuthStyleInHeader, // else a refusal is asked for twice
		},
		http: client,
		path: endpoint.EscapedPath() + tokenPath,
		lock: make(chan struct{}, 1),
	}
}

// get returns the token, and asks for a new one first if there is none, its end
// is near, or it is the one that the server has refused (nil: none was).
func (t *tokenSource) get(ctx context.Context, refused *oauth2.Token) (*oauth2.Token, error) {
	select {
	case t.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-t.lock }()
	if t.token != nil && t.token != refused && (t.renewAt.IsZero() || time.Now().Before(t.renewAt)) {
		return t.token, nil
	}
	token, err := t.request(ctx)
	if err != nil {
		return nil, err
	}
	scope, _ := token.Extra("scope").(string)
	if !slices.Contains(strings.Fields(scope), "all") {
		return nil, &Error{
			Method:  http.MethodPost,
			Path:    t.path,
			Status:  http.StatusOK,
			Message: "the token does not have the scope \"all\"",
			Hint:    roleHint,
			kind:    kindAuth,
		}
	}
	t.token, t.renewAt = token, time.Time{}
	if life := time.Until(token.Expiry); !token.Expiry.IsZero() {
		t.renewAt = token.Expiry.Add(-min(renewBefore, life/4))
	}
	return token, nil
}

// request asks for a token. A proxy that finds its kept connection to the server
// closed repeats a GET by itself, but answers 502 or 503 to a POST: then it is
// asked once more at once.
func (t *tokenSource) request(ctx context.Context) (*oauth2.Token, error) {
	for last := false; ; last = true {
		token, err := t.conf.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
		if err == nil {
			return token, nil
		}
		err = t.asError(ctx, err)
		e, ok := errors.AsType[*Error](err)
		if last || !ok || e.RetryAfter > 0 || e.Status != http.StatusBadGateway && e.Status != http.StatusServiceUnavailable {
			return nil, err
		}
	}
}

// isTokenExpired reports whether the token is past the end that the server announced.
func isTokenExpired(token *oauth2.Token) bool {
	return !token.Expiry.IsZero() && !time.Now().Before(token.Expiry)
}

// asError turns oauth2's errors into one of ours. Theirs quote the body.
func (t *tokenSource) asError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &Error{Method: http.MethodPost, Path: t.path, kind: kindToken}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return connectionError(e.Method, e.Path, outer)
	}
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		e.kind = kindInvalidBody
		e.Message = "the answer holds no token"
		e.Hint = "is the endpoint Logto's, or does a proxy answer?"
		return e
	}
	resp := answer.Response
	e.Status = resp.StatusCode
	e.RequestID = parseRequestID(resp.Header)
	e.RetryAfter = parseRetryAfter(resp.Header, time.Now())
	e.Code = printableOrEmpty(answer.ErrorCode, 100)
	if e.Code == "" {
		e.Code, e.Message = parseLogtoError(answer.Body, []string{t.conf.ClientSecret})
	}
	t.classify(e, resp, answer)
	return e
}

// classify decides what the token endpoint's refusal means and what helps.
func (t *tokenSource) classify(e *Error, resp *http.Response, answer *oauth2.RetrieveError) {
	expired := strings.Contains(answer.ErrorDescription, "expired")
	switch {
	case e.Status >= 300 && e.Status < 400:
		e.kind = kindRequest
		e.Message = "the server redirects"
		describeRedirect(e, resp)
	case e.Status == http.StatusProxyAuthRequired:
		e.kind, e.Message, e.Hint = kindRequest, errProxyLogin.Error(), proxyLoginHint
	case e.Status == http.StatusNotFound:
		e.kind = kindRequest
		e.Message = "no token endpoint here"
		e.Hint = "the endpoint in the configuration should be Logto's own, without a path"
	case e.Status == http.StatusTooManyRequests, e.Status >= 500, e.Status == http.StatusRequestTimeout:
		// The status says it all.
	case e.Code == "invalid_client" && e.Status == http.StatusUnauthorized:
		e.kind, e.Hint = kindAuth, "the app secret is wrong"
	case e.Code == "invalid_client":
		e.kind, e.Hint = kindAuth, "the server does not know the app id"
	case e.Code == "invalid_target":
		e.kind, e.Hint = kindAuth, "the resource is not this server's Management API: on a self-hosted server it is "+
			"https://default.logto.app/api, on Logto Cloud https://<tenant>.logto.app/api"
	case e.Code == "invalid_request" && expired:
		e.kind, e.Hint = kindAuth, "the app secret has expired: create a new one"
	case e.Code == "invalid_request", e.Code == "unauthorized_client":
		e.kind, e.Hint = kindAuth, "the application must be of the machine-to-machine type"
	default:
		e.kind, e.Hint = kindAuth, "the server gives this application no token"
	}
}
