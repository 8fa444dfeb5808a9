package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"logto-syncer/internal/config"
	"logto-syncer/internal/load"
	"logto-syncer/internal/report"
)

// A personArgument is whom somebody named on the command line.
type personArgument struct {
	report.Person
	text   string   // as named
	stored []string // how the text may be stored: as it is, or as a hash
}

// findPeople finds the people named on the command line in the tenant of that
// name, in all tenants without a name. Somebody whom nobody knows is an error
// that says where was looked; somebody ambiguous is one that lists who may be
// meant.
func findPeople(ctx context.Context, db *database, cfg *config.Config, tenant string, texts []string) ([]personArgument, error) {
	tenants, err := mirroredTenants(ctx, db, tenant)
	if err != nil {
		return nil, err
	}
	hash := privacyHashFunc(cfg)
	var people []personArgument
	var errs []error
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			return nil, usageError{"the name of a person is empty", ""}
		}
		found, err := report.FindPerson(ctx, db.Pool, tenants, text, hash)
		if err != nil {
			errs = append(errs, personError(err, personOrdinal(i, len(texts)), hash != nil))
			continue
		}
		p := personArgument{found, text, []string{text}}
		if hash != nil {
			p.stored = append(p.stored, hash(text), hash(strings.ToLower(text)))
		}
		people = append(people, p)
	}
	return people, errors.Join(errs...)
}

// privacyHashFunc returns the hash of the privacy rules; nil if the configuration has no
// key.
func privacyHashFunc(cfg *config.Config) report.KeyedHashFunc {
	if cfg.Privacy.Key == "" {
		return nil
	}
	p := load.Privacy{Key: []byte(cfg.Privacy.Key.Reveal())}
	return p.HashOf
}

// personOrdinal says which of several arguments is meant: an error does not repeat
// what may be somebody's address.
func personOrdinal(i, n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("person %d of %d: ", i+1, n)
}

// personError explains why a text does not name one person.
func personError(err error, which string, hashed bool) error {
	if ambiguous, ok := errors.AsType[*report.AmbiguousNameError](err); ok {
		return usageError{which + "several people are meant: " + strings.Join(ambiguous.Candidates, "; "), "name one by id, or the tenant with --tenant NAME"}
	}
	if !errors.Is(err, report.ErrNobody) {
		return err
	}
	hint := report.WhereLooked
	if hashed {
		hint += "; values under a hash rule only as they were written in Logto, or in lower case"
	} else {
		hint += "; values under a hash rule are found with the configuration's privacy.key only"
	}
	return hintedError{which + err.Error(), hint}
}

// dataSubjectsOf is what the loader has to know to find the rows of people.
func dataSubjectsOf(cfg *config.Config, people []personArgument) load.DataSubjects {
	out := load.DataSubjects{Named: len(people), Hash: privacyHashFunc(cfg)}
	for _, p := range people {
		if p.UserID != "" {
			out.IDs = append(out.IDs, p.UserID)
		}
		out.Addresses = append(out.Addresses, p.stored...)
	}
	return out
}
