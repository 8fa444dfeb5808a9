package logtotest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// This file is what end users do themselves. Signing in and up leaves audit logs
// (/api/logs) as well as events; the account API leaves events only.

// Where the events and logs of a simulated tenant come from.
const (
	administratorIP = "127.0.0.1"
	endUserIP       = "203.0.113.7"
	endUserAgent    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0"
)

// A flow is one visit of an end user to the sign-in pages.
type flow struct {
	event       string // SignIn, Register, ForgotPassword
	session     string
	application *row // nil for none
}

// inFlow runs what an end user does in a flow. The caller holds the write lock.
func (t *Tenant) inFlow(event string, do func() error) error {
	defer t.setActor(byFlow)()
	t.flow = flow{event: event, session: drawID(t.chance, 21)}
	apps := t.tables["applications"]
	for _, app := range apps.heap {
		if apps.text(app, "type") != "MachineToMachine" {
			t.flow.application = app
			break
		}
	}
	return do()
}

// eventMetadata is what an event of a flow carries beside its data.
func (f flow) eventMetadata(t *Tenant) map[string]any {
	body := map[string]any{
		"interactionEvent": f.event, "sessionId": f.session, "userAgent": endUserAgent, "ip": endUserIP,
	}
	if f.application != nil {
		apps := t.tables["applications"]
		body["applicationId"] = f.application.id
		body["application"] = map[string]any{
			"id": f.application.id, "type": apps.text(f.application, "type"), "name": apps.text(f.application, "name"),
			"description": decodeRawJSON(apps.columnJSON(f.application, "description")),
		}
	}
	return body
}

// audit leaves rows of /api/logs about a user, a millisecond apart at least: the
// requests of a flow come one after another, and a server writes no page of rows
// within one. The caller holds the write lock.
func (t *Tenant) audit(id string, keys ...string) {
	for _, key := range keys {
		payload := map[string]any{"key": key, "result": "Success", "ip": endUserIP, "userAgent": endUserAgent, "userId": id}
		if t.flow.application != nil {
			payload["applicationId"] = t.flow.application.id
		}
		if strings.HasPrefix(key, "Interaction.") {
			payload["sessionId"] = t.flow.session
		}
		t.writeDueLogs()
		t.lastAudit = t.afterLastAudit(t.Now())
		_, _ = t.insert("logs", map[string]string{ // nothing that could be wrong with it
			"id": quote(drawID(t.chance, 21)), "key": quote(key), "payload": encodeJSON(payload), "created_at": quoteTime(t.lastAudit.UnixMicro()),
		})
	}
}

// afterLastAudit is when an audit row is dated that is written now. A clock that
// was set back counts as it is.
func (t *Tenant) afterLastAudit(now time.Time) time.Time {
	next := t.lastAudit.Add(time.Millisecond)
	if now.After(next) || now.Before(next.Add(-time.Minute)) {
		return now
	}
	return next
}

// fireFlowEnd fires the event at the end of a flow, with the user as it is then.
func (t *Tenant) fireFlowEnd(event, id string) {
	body := t.flow.eventMetadata(t)
	delete(body, "applicationId")
	delete(body, "ip")
	body["userIp"], body["userId"] = endUserIP, id
	body["user"] = (&apiRequest{t: t, edition: t.edition}).userInfo(t.users.get(id))
	t.fire(event, body)
}

// SignUp is an end user registering: default roles are given and organizations
// joined by the domain of the e-mail address, as their just-in-time settings say.
// It leaves User.Created, PostRegister, Organization.Membership.Updated and audit
// logs; no event tells of the roles.
func (t *Tenant) SignUp(row Row) (id string, err error) {
	raws, err := encodeRow(row)
	if err != nil {
		return "", fmt.Errorf("sign up: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, err = t.signUp(raws); err != nil {
		return "", fmt.Errorf("sign up: %w", err)
	}
	return id, nil
}

func (t *Tenant) signUp(raws map[string]string) (id string, err error) {
	err = t.inFlow("Register", func() error {
		with := map[string]string{"last_sign_in_at": quoteTime(t.Now().UnixMicro())}
		if t.flow.application != nil {
			with["application_id"] = quote(t.flow.application.id)
		}
		maps.Copy(with, raws)
		if id, err = t.insert("users", with); err != nil {
			return err
		}
		roles := t.tables["roles"]
		for _, role := range roles.heap {
			if roles.columnJSON(role, "is_default") == "true" && roles.text(role, "type") == "User" {
				_ = t.grantUserRole(id, role.id) // a new user has none
			}
		}
		t.provision(id)
		t.audit(id, "Interaction.Register.Submit", "Interaction.End", "ExchangeTokenBy.AuthorizationCode")
		t.fireFlowEnd("PostRegister", id)
		return nil
	})
	return id, err
}

// provision makes a new user a member where the domain of its address is let in.
func (t *Tenant) provision(id string) {
	_, domain, ok := strings.Cut(unquote(t.users.get(id).rawColumn(uEmail)), "@")
	if !ok {
		return
	}
	for _, org := range t.relatedIDs("organization_jit_email_domains", "email_domain", domain, "organization_id") {
		if _, err := t.insert(orgUsers, map[string]string{"organization_id": quote(org), "user_id": quote(id)}); err != nil {
			continue
		}
		for _, role := range t.relatedIDs("organization_jit_roles", "organization_id", org, "organization_role_id") {
			_ = t.grantMemberRole(org, role, id) // a new member has none
		}
	}
}

// SignIn is an end user signing in: last_sign_in_at becomes now. It leaves audit
// logs and PostSignIn. Update of last_sign_in_at alone does the same.
func (t *Tenant) SignIn(user string) error {
	return t.UpdateUser(user, Row{"last_sign_in_at": t.Now()})
}

// auditAndFireSignIn leaves what signing in leaves.
func (t *Tenant) auditAndFireSignIn(id string) {
	_ = t.inFlow("SignIn", func() error {
		t.audit(id, "Interaction.SignIn.Verification.Password.Submit", "Interaction.SignIn.Submit", "Interaction.End",
			"ExchangeTokenBy.AuthorizationCode")
		t.fireFlowEnd("PostSignIn", id)
		return nil
	})
}

// ResetPassword is an end user who has forgotten the password setting another. It
// leaves User.Data.Updated, PostResetPassword and audit logs.
func (t *Tenant) ResetPassword(user string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inFlow("ForgotPassword", func() error {
		if err := t.update("users", user, map[string]string{"password_updated_at": quoteTime(t.Now().UnixMicro())}); err != nil {
			return fmt.Errorf("reset the password of %s: %w", user, err)
		}
		t.audit(user, "Interaction.ForgotPassword.Submit", "Interaction.End")
		t.fireFlowEnd("PostResetPassword", user)
		return nil
	})
}

// EditAccount is an end user changing the given columns through the account API.
// It leaves User.Data.Updated and no audit log.
func (t *Tenant) EditAccount(user string, row Row) error {
	raws, err := encodeRow(row)
	if err != nil {
		return fmt.Errorf("edit the account of %s: %w", user, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.setActor(byAccount)()
	if err := t.update("users", user, raws); err != nil {
		return fmt.Errorf("edit the account of %s: %w", user, err)
	}
	return nil
}

// AcceptInvitation makes a user a member with the invitation's organization roles.
// It leaves Organization.Membership.Updated since 1.24.
func (t *Tenant) AcceptInvitation(invitation, user string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	invitations := t.tables["organization_invitations"]
	r := invitations.rowByID(invitation)
	if r == nil || t.users.get(user) == nil {
		return fmt.Errorf("accept invitation %s as %s: %w", invitation, user, ErrUnknown)
	}
	org, now := invitations.text(r, "organization_id"), quoteTime(t.Now().UnixMicro())
	if err := t.update("organization_invitations", invitation, map[string]string{
		"status": `"Accepted"`, "accepted_user_id": quote(user), "updated_at": now,
	}); err != nil {
		return fmt.Errorf("accept invitation %s: %w", invitation, err)
	}
	var added []string
	if t.join(org, user) == nil {
		added = []string{user}
	}
	for _, role := range t.relatedIDs("organization_invitation_role_relations", "organization_invitation_id", invitation, "organization_role_id") {
		_ = t.grantMemberRole(org, role, user) // who has the role keeps it
	}
	if t.edition.does(invitationMembers) {
		t.fireMembersChange(triggeringCall{membership, "PUT", "/organization-invitations/:id/status", "id=id", 200, ""}, org,
			map[string]string{"id": quote(invitation)}, map[string][]string{"addedUserIds": added})
	}
	return nil
}

// AddMembers makes users members of an organization in one call, one event.
func (t *Tenant) AddMembers(organization string, users ...string) error {
	return t.changeMembers(organization, t.triggers["insert "+orgUsers], users, false)
}

// ReplaceMembers makes an organization's members these users, in one call: who
// stays keeps the organization roles.
func (t *Tenant) ReplaceMembers(organization string, users ...string) error {
	return t.changeMembers(organization, triggeringCall{membership, "PUT", "/organizations/:id/users", "id=organization_id", 204, ""}, users, true)
}

func (t *Tenant) changeMembers(org string, g triggeringCall, users []string, replace bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	unknown := func(id string) bool { return t.users.get(id) == nil }
	if i := slices.IndexFunc(users, unknown); i >= 0 || !t.exists("organizations", org) {
		return fmt.Errorf("change the members of %s: %w", org, ErrUnknown)
	}
	var added, removed []string
	if replace {
		for _, m := range slices.Clone(t.members[org]) {
			if !slices.Contains(users, m.user.id()) {
				removed = append(removed, m.user.id())
				t.leave(org, m.user.id())
			}
		}
	}
	for _, id := range users {
		if t.join(org, id) == nil {
			added = append(added, id)
		}
	}
	t.fireMembersChange(g, org, map[string]string{"organization_id": quote(org)}, map[string][]string{"addedUserIds": added, "removedUserIds": removed})
	return nil
}

// fireMembersChange fires that the members of an organization have changed.
func (t *Tenant) fireMembersChange(g triggeringCall, org string, cells map[string]string, ids map[string][]string) {
	if t.by == bySQL || !t.hasSubscriber(membership) {
		return
	}
	body := g.apiContext(cells)
	body["ip"] = administratorIP
	maps.Copy(body, t.membershipEventBody(org, ids))
	t.fire(membership, body)
}
