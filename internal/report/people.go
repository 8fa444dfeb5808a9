package report

import (
	"context"
	_ "embed" // the query
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
)

//go:embed sql/find_people.sql
var findPeople string

// A Person is an account that a text may name, or an invited address without
// one.
type Person struct {
	Tenant  string   `db:"tenant_id"`
	UserID  string   `db:"user_id"` // empty: only invitations were sent to the address
	Matched []string `db:"matched"` // where the text was found, such as primary_email
	Name    string   `db:"name"`    // as people know it now; empty for an account that is gone
	Current bool     `db:"current"` // false: gone from the tenant, known from history or invitations
}

// A KeyedHashFunc is the keyed hash that a privacy rule stores instead of a text.
type KeyedHashFunc func(text string) string

// FindPeople returns whom a text names in any of the tenants: by id, e-mail
// address, phone number or username, without regard to case, or by an identity
// elsewhere, as its id or address there or as PROVIDER:ID; accounts that are
// there before those that are gone. With hash, values under a hash rule are
// found, too: an address only as it was written, or in lower case.
func FindPeople(ctx context.Context, db pgquery.Queryer, tenants []string, text string, hash KeyedHashFunc) ([]Person, error) {
	text = strings.TrimSpace(text)
	spellings, phones := []string{strings.ToLower(text)}, []string{text, phoneDigits(text)}
	if hash != nil {
		spellings = append(spellings, hash(text), hash(strings.ToLower(text)))
		phones = append(phones, hash(text), hash(phoneDigits(text)))
	}
	phones = slices.DeleteFunc(phones, func(p string) bool { return p == "" })
	var provider, id *string
	if before, after, ok := strings.Cut(text, ":"); ok {
		provider, id = &before, &after
	}
	found, err := pgquery.Rows(ctx, db, "look for a person", pgx.RowToStructByName[Person], findPeople, tenants, text, spellings, phones, provider, id)
	if err != nil {
		return nil, err
	}
	accounts := slices.DeleteFunc(slices.Clone(found), func(p Person) bool { return p.UserID == "" })
	if len(accounts) > 0 {
		return accounts, nil // their invitations are found by their addresses
	}
	return found, nil
}

var phoneForm = regexp.MustCompile(`^\+?[0-9 ()/.-]{5,}$`)

// phoneDigits is a phone number as Logto stores it; empty if the text is none.
func phoneDigits(text string) string {
	if !phoneForm.MatchString(text) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// WhereLooked says where FindPeople looks, for messages.
const WhereLooked = "looked in users (id, primary_email, primary_phone, username), in identities elsewhere and invitations, now and in history"

// ErrNobody is returned for a text that names nobody.
var ErrNobody = errors.New("the mirror knows nobody with this id, e-mail address, phone number, username or identity")

// An AmbiguousNameError says that a text names several things.
type AmbiguousNameError struct {
	Kind       string   // such as user
	Candidates []string // each with its id
}

func (e *AmbiguousNameError) Error() string {
	return fmt.Sprintf("the %s is ambiguous: %s", e.Kind, strings.Join(e.Candidates, "; "))
}

// FindPerson returns the one person that a text names, else ErrNobody or an
// AmbiguousError. Of several accounts the one whose id it is is meant.
func FindPerson(ctx context.Context, db pgquery.Queryer, tenants []string, text string, hash KeyedHashFunc) (Person, error) {
	found, err := FindPeople(ctx, db, tenants, text, hash)
	if err != nil {
		return Person{}, err
	}
	byID := slices.DeleteFunc(slices.Clone(found), func(p Person) bool { return p.UserID != text })
	if len(byID) > 0 {
		found = byID
	}
	switch len(found) {
	case 0:
		return Person{}, ErrNobody
	case 1:
		return found[0], nil
	}
	e := &AmbiguousNameError{Kind: "person"}
	for _, p := range found {
		e.Candidates = append(e.Candidates, p.describeCandidate(len(tenants) > 1))
	}
	return Person{}, e
}

// describeCandidate tells candidates apart without showing more than the operator
// named: by id, and by where the text was found.
func (p Person) describeCandidate(withTenant bool) string {
	text := p.UserID
	if text == "" {
		text = "invitations"
	}
	text += " (by " + strings.Join(p.Matched, ", ")
	if !p.Current && p.UserID != "" {
		text += "; deleted"
	}
	if withTenant {
		text += "; tenant " + p.Tenant
	}
	return text + ")"
}
