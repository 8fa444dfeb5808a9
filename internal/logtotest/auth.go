package logtotest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A token is what the server knows of one it issued.
type token struct {
	ends  time.Time
	scope string
}

const tokenTTL = time.Hour

// authorize checks the Authorization header; ok is that the request may go on.
func (s *Server) authorize(r *http.Request) (a answer, ok bool) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return failure(http.StatusUnauthorized, "auth.authorization_header_missing", "Authorization header is missing."), false
	}
	if !strings.HasPrefix(header, "Bearer") {
		return failureWithData(http.StatusUnauthorized, "auth.authorization_token_type_not_supported",
			"Authorization type is not supported.", `{"supportedTypes":["Bearer"]}`), false
	}
	value := strings.TrimSpace(strings.TrimPrefix(header, "Bearer"))
	s.mu.Lock()
	t, known := s.tokens[value]
	s.mu.Unlock()
	switch {
	case known && time.Now().Before(t.ends):
		if !slices.Contains(strings.Fields(t.scope), "all") {
			return failure(http.StatusForbidden, "auth.forbidden", "Forbidden. Please check your user roles and permissions."), false
		}
		return answer{}, true
	case known:
		return unauthorized(`{"code":"ERR_JWT_EXPIRED","claim":"exp","reason":"check_failed","name":"JWTExpired"}`), false
	case strings.Count(value, ".") == 2:
		return unauthorized(`{"code":"ERR_JWS_SIGNATURE_VERIFICATION_FAILED","name":"JWSSignatureVerificationFailed"}`), false
	}
	return unauthorized(`{"code":"ERR_JWS_INVALID","name":"JWSInvalid"}`), false
}

func unauthorized(data string) answer {
	return failureWithData(http.StatusUnauthorized, "auth.unauthorized", "Unauthorized. Please check credentials and its scope.", data)
}

// oidcError is the token endpoint's error body.
func oidcError(status int, code, description string) answer {
	message := map[string]string{
		"invalid_request":        "Request is invalid.",
		"invalid_target":         "Invalid resource indicator.",
		"unsupported_grant_type": "Unsupported `grant_type` requested.",
	}[code]
	if message == "" {
		message = "An OIDC error occurred: oidc." + code + "."
	}
	return answer{status: status, body: []byte(`{"code":` + quote("oidc."+code) + `,"message":` + quote(message) +
		`,"error":` + quote(code) + `,"error_description":` + quote(description) + `}`)}
}

// answerTokenRequest answers POST /oidc/token.
func (s *Server) answerTokenRequest(r *http.Request) answer {
	form, err := parseTokenForm(r)
	if err != nil {
		return oidcError(http.StatusBadRequest, "invalid_request", "failed to parse the request body")
	}
	id, a, ok := s.authenticateClient(r, form)
	if !ok {
		return a
	}
	switch form.Get("grant_type") {
	case "":
		return oidcError(http.StatusBadRequest, "invalid_request", "missing required parameter 'grant_type'")
	case "client_credentials":
	case "authorization_code", "refresh_token":
		return oidcError(http.StatusBadRequest, "invalid_request", "requested grant type is not allowed for this client")
	default:
		return oidcError(http.StatusBadRequest, "unsupported_grant_type", "unsupported grant_type requested")
	}
	s.Tenant.mu.RLock()
	scopes, a, ok := s.Tenant.applicationResourceScopes(id, form.Get("resource"))
	s.Tenant.mu.RUnlock()
	if !ok {
		return a
	}
	granted := slices.DeleteFunc(strings.Fields(form.Get("scope")), func(scope string) bool { return !slices.Contains(scopes, scope) })
	return s.mintToken(id, strings.Join(granted, " "))
}

// parseTokenForm reads the body, a form or JSON.
func parseTokenForm(r *http.Request) (url.Values, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		return r.PostForm, nil
	}
	var fields map[string]string
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&fields); err != nil {
		return nil, err
	}
	form := url.Values{}
	for k, v := range fields {
		form.Set(k, v)
	}
	return form, nil
}

// authenticateClient finds and authenticates the application that asks for a token.
func (s *Server) authenticateClient(r *http.Request, form url.Values) (string, answer, bool) {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, secret = unescapeQuery(id), unescapeQuery(secret)
		if form.Get("client_secret") != "" {
			return "", oidcError(http.StatusBadRequest, "invalid_request", "client authentication must only be provided using one mechanism"), false
		}
	} else {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	if id == "" {
		return "", oidcError(http.StatusBadRequest, "invalid_request", "no client authentication mechanism provided"), false
	}
	t := s.Tenant
	t.mu.RLock()
	defer t.mu.RUnlock()
	apps, secrets := t.tables["applications"], t.tables["application_secrets"]
	app := apps.rowByID(id)
	if app == nil {
		return "", oidcError(http.StatusBadRequest, "invalid_client", "invalid client "+id), false
	}
	for _, r := range secrets.where("application_id", id) {
		if secrets.text(r, "value") != secret {
			continue
		}
		if ends := parseMicros(secrets.columnJSON(r, "expires_at")); ends != null && ends < t.Now().UnixMicro() {
			return "", oidcError(http.StatusBadRequest, "invalid_request", "client secret has expired"), false
		}
		if apps.text(app, "type") != "MachineToMachine" {
			return "", oidcError(http.StatusBadRequest, "invalid_request", "requested grant type is not allowed for this client"), false
		}
		return id, answer{}, true
	}
	a := oidcError(http.StatusUnauthorized, "invalid_client", "client authentication failed")
	if basic {
		a.addHeader("WWW-Authenticate", `Basic realm="http://`+r.Host+`/oidc", error="invalid_client", error_description="client authentication failed"`)
	}
	return "", a, false
}

// applicationResourceScopes lists the scopes an application may have for a resource.
func (t *Tenant) applicationResourceScopes(app, indicator string) ([]string, answer, bool) {
	if indicator == "" {
		return nil, oidcError(http.StatusBadRequest, "invalid_target", "both `resource` and `organization_id` are not provided"), false
	}
	found := t.tables["resources"].where("indicator", indicator)
	if len(found) == 0 {
		return nil, oidcError(http.StatusBadRequest, "invalid_target", "resource indicator is missing, or unknown"), false
	}
	var names []string
	scopes := t.tables["scopes"]
	for _, role := range t.relatedIDs("applications_roles", "application_id", app, "role_id") {
		for _, r := range scopes.byIDs(t.relatedIDs("roles_scopes", "role_id", role, "scope_id")) {
			if scopes.text(r, "resource_id") == found[0].id {
				names = append(names, scopes.text(r, "name"))
			}
		}
	}
	return names, answer{}, true
}

// mintToken remembers a token and answers with it; the exchange is logged, as the
// server does.
func (s *Server) mintToken(app, scope string) answer {
	t := s.Tenant
	t.mu.Lock()
	value := "eyJhbGciOiJFUzM4NCIsInR5cCI6ImF0K2p3dCJ9." + t.newID(120) + "." + t.newID(86)
	_, err := t.insert("logs", map[string]string{"key": `"ExchangeTokenBy.ClientCredentials"`, "payload": encodeJSON(map[string]any{
		"key": "ExchangeTokenBy.ClientCredentials", "result": "Success", "applicationId": app, "scope": scope, "tokenTypes": []string{"AccessToken"},
	})})
	t.mu.Unlock()
	if err != nil {
		return internalError()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ttl := s.ttl
	if ttl == 0 {
		ttl = tokenTTL
	}
	if s.scope != "all" {
		scope = s.scope
	}
	s.tokens[value] = token{ends: time.Now().Add(ttl), scope: scope}
	s.counts.Tokens++
	body := `{"access_token":` + quote(value) + `,"expires_in":` + encodeJSON(int(ttl.Seconds())) + `,"token_type":"Bearer"`
	if scope != "" {
		body += `,"scope":` + quote(scope)
	}
	a := answer{status: http.StatusOK, body: []byte(body + "}")}
	a.addHeader("Cache-Control", "no-store")
	return a
}
