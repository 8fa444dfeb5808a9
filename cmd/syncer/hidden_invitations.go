package main

import (
	"context"
	"strings"

	"logto-syncer/internal/config"
	"logto-syncer/internal/load"
	"logto-syncer/internal/state"
)

// checkHiddenInvitations returns an error if invitations sent to the people's e-mail
// addresses may be stored and cannot be found, because a privacy rule hides the
// address on one side or the other. What is not stored at all is not hidden.
func (a *app) checkHiddenInvitations(ctx context.Context, db *database, cfg *config.Config, people []personArgument) error {
	tenant := people[0].Tenant
	rules, err := state.PrivacyRulesInForce(ctx, db.Pool, tenant)
	if err != nil {
		return tenantError{tenant, err}
	}
	email, err := columnStorageForm(rules, "users", "primary_email")
	if err != nil {
		return tenantError{tenant, err}
	}
	invitee, err := columnStorageForm(rules, "organization_invitations", "invitee")
	if err != nil {
		return tenantError{tenant, err}
	}
	key := ""
	if cfg.Privacy.Key != "" {
		key = load.Privacy{Key: []byte(cfg.Privacy.Key.Reveal())}.KeyID()
	}
	addresses := 0
	for _, p := range people {
		if strings.Contains(p.text, "@") {
			addresses++
		}
	}
	byAddress := 2*addresses >= len(people) // each account by its address, or beside it
	text, hint := hiddenInvitationsProblem(email, invitee, key, byAddress)
	if text == "" {
		return nil
	}
	return unprovedError{tenant + ": invitations sent to the e-mail address were not looked for: " + text, hint}
}

// A storageForm is how texts of a column are stored.
type storageForm struct {
	load.Rule
	key string // of hashes
}

func columnStorageForm(rules []state.TablePrivacyRules, table, column string) (storageForm, error) {
	for _, r := range rules {
		if r.Table == table {
			columns, key, err := load.ParseStoredRules(r.Rules)
			return storageForm{columns[column], key}, err
		}
	}
	return storageForm{}, nil
}

// hiddenInvitationsProblem says why invitations to somebody's address cannot be found, and what
// to do; empty: they can. key identifies the configuration's key of hashes.
func hiddenInvitationsProblem(email, invitee storageForm, key string, byAddress bool) (text, hint string) {
	const setKey = "set privacy.key in the configuration to the key that the rows were stored with"
	sameHash := email.Hash && email.key == invitee.key // equal without the key
	switch {
	case invitee.Drop: // nothing is stored of the address
	case invitee.Hash && invitee.key != key && (byAddress || !sameHash):
		return "organization_invitations.invitee is stored as a hash, and the key is not known", setKey
	case byAddress:
	case email.Drop:
		return "users.primary_email is not stored", "name the person by e-mail address, too: that finds the invitations"
	case email.Hash && email.key != key && !invitee.Hash:
		return "users.primary_email is stored as a hash, and the key is not known", setKey + ", or name the person by e-mail address, too"
	}
	return "", ""
}
