package report

import (
	"context"
	_ "embed" // the query
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
)

//go:embed sql/find_names.sql
var findNames string

// AllTenants is the value of a parameter of type tenant that asks for all of
// them where there are several.
const AllTenants = "all"

// An ArgumentError says that the value of a parameter is a mistake: it names
// nothing there is, or is not of the parameter's type.
type ArgumentError struct{ Report, Param, Message, Hint string }

func (e *ArgumentError) Error() string {
	if e.Param == "" {
		return fmt.Sprintf("report %s: %s", e.Report, e.Message)
	}
	return fmt.Sprintf("report %s: %s: %s", e.Report, e.Param, e.Message)
}

// nameKinds are the kinds of things that a parameter may name, and what messages
// call them.
func nameKinds() map[string]string {
	return map[string]string{
		"user": "user", "organization": "organization", "organization_ever": "organization", "role": "role", "role_ever": "role",
		"organization_role": "organization role", "permission": "permission", "resource": "API resource", "table": "table",
	}
}

// resolvedValues are values of parameters in which names have become ids.
type resolvedValues struct {
	values  map[string]*string // nil: null
	tenants []string           // that are asked about
}

// resolve turns what the arguments name into ids: a report compares ids, and a
// name that nothing has is a mistake and not an empty answer.
func (r *Report) resolve(ctx context.Context, db pgquery.Queryer, args map[string]string, hash KeyedHashFunc) (resolvedValues, error) {
	out := resolvedValues{values: map[string]*string{}}
	for _, p := range r.Params {
		out.values[p.Name] = p.Default
		if value, given := args[p.Name]; given {
			out.values[p.Name] = &value
		}
	}
	if err := r.resolveTenantScope(ctx, db, &out); err != nil {
		return out, err
	}
	for _, p := range r.Params {
		value := out.values[p.Name]
		if value == nil || p.Type == "tenant" {
			continue
		}
		id, tenant := "", ""
		var err error
		switch {
		case strings.Contains(p.Type, "|"):
			id, err = r.choice(p, *value)
		case p.Type == "user":
			id, tenant, err = r.person(ctx, db, p, out.tenants, *value, hash)
		case nameKinds()[p.Type] != "":
			id, tenant, err = r.named(ctx, db, p, out.tenants, *value)
		default:
			continue
		}
		if err != nil {
			return out, err
		}
		out.values[p.Name] = &id
		if tenant != "" {
			r.setTenantParam(&out, tenant)
		}
	}
	return out, nil
}

// Tenants returns the names of the tenants that are mirrored, sorted.
func Tenants(ctx context.Context, db pgquery.Queryer) ([]string, error) {
	return pgquery.Column[string](ctx, db, "list the tenants", "select tenant_id::text from report.tenants order by tenant_id")
}

// resolveTenantScope finds out which tenants are meant: the one named, or the only
// one there is.
func (r *Report) resolveTenantScope(ctx context.Context, db pgquery.Queryer, out *resolvedValues) error {
	var err error
	if out.tenants, err = Tenants(ctx, db); err != nil {
		return err
	}
	i := slices.IndexFunc(r.Params, func(p Param) bool { return p.Type == "tenant" })
	if i < 0 {
		return nil
	}
	p := r.Params[i]
	given := out.values[p.Name]
	switch {
	case given == nil && len(out.tenants) > 1:
		return &ArgumentError{r.Name, p.Name, "the database has several tenants: " + joinFirstNames(out.tenants), "name one: " + p.Name + "=NAME; " + p.Name + "=" + AllTenants + " asks about all of them"}
	case given == nil && len(out.tenants) == 1:
		r.setTenantParam(out, out.tenants[0])
	case given == nil:
	case strings.EqualFold(*given, AllTenants):
		out.values[p.Name] = nil
	default:
		for _, t := range out.tenants {
			if strings.EqualFold(t, *given) {
				r.setTenantParam(out, t)
				return nil
			}
		}
		return r.unknownNameError(p, "tenant", *given, out.tenants)
	}
	return nil
}

// setTenantParam makes a tenant the only one that is asked about.
func (r *Report) setTenantParam(out *resolvedValues, tenant string) {
	out.tenants = []string{tenant}
	for _, p := range r.Params {
		if p.Type == "tenant" {
			out.values[p.Name] = &tenant
		}
	}
}

// choice returns the one of several words that is meant, as the head has it.
func (r *Report) choice(p Param, value string) (string, error) {
	words := strings.Split(p.Type, "|")
	for _, w := range words {
		if strings.EqualFold(w, value) {
			return w, nil
		}
	}
	return "", &ArgumentError{r.Name, p.Name, fmt.Sprintf("%q is none of %s", value, strings.Join(words, ", ")), suggest(value, words)}
}

func (r *Report) person(ctx context.Context, db pgquery.Queryer, p Param, tenants []string, value string, hash KeyedHashFunc) (id, tenant string, err error) {
	person, err := FindPerson(ctx, db, tenants, value, hash)
	switch ambiguous, isAmbiguous := errors.AsType[*AmbiguousNameError](err); {
	case isAmbiguous:
		return "", "", &ArgumentError{r.Name, p.Name, "several people are meant: " + strings.Join(ambiguous.Candidates, "; "), "name one by id"}
	case errors.Is(err, ErrNobody):
		return "", "", &ArgumentError{r.Name, p.Name, err.Error(), WhereLooked + "; syncer report search_users query=... finds people like it"}
	case err != nil:
		return "", "", err
	case person.UserID == "":
		return "", "", &ArgumentError{r.Name, p.Name, "there is no user, only invitations sent to this address", "syncer report invitations lists them"}
	}
	return person.UserID, person.Tenant, nil
}

// A namedThing is something with an id and a name.
type namedThing struct{ Tenant, ID, Name string }

func (r *Report) named(ctx context.Context, db pgquery.Queryer, p Param, tenants []string, value string) (id, tenant string, err error) {
	found, err := thingsNamed(ctx, db, tenants, p.Type, &value)
	if err != nil {
		return "", "", err
	}
	for _, exactly := range []func(namedThing) bool{
		func(t namedThing) bool { return t.ID == value },
		func(t namedThing) bool { return t.Name == value },
	} {
		if some := slices.DeleteFunc(slices.Clone(found), func(t namedThing) bool { return !exactly(t) }); len(some) > 0 {
			found = some
		}
	}
	var ids, candidates []string
	for _, t := range found {
		if ids = append(ids, t.Tenant+"/"+t.ID); t.Tenant == "" || len(tenants) < 2 {
			candidates = append(candidates, fmt.Sprintf("%s (%s)", t.ID, t.Name))
		} else {
			candidates = append(candidates, fmt.Sprintf("%s (%s; tenant %s)", t.ID, t.Name, t.Tenant))
		}
	}
	switch slices.Sort(ids); len(slices.Compact(ids)) {
	case 1:
		return found[0].ID, found[0].Tenant, nil
	case 0:
		all, err := thingsNamed(ctx, db, tenants, p.Type, nil)
		if err != nil {
			return "", "", err
		}
		var known []string
		for _, t := range all {
			known = append(known, t.Name)
		}
		return "", "", r.unknownNameError(p, nameKinds()[p.Type], value, known)
	}
	return "", "", &ArgumentError{r.Name, p.Name, fmt.Sprintf("several %ss are named %q: %s", nameKinds()[p.Type], value, joinFirstNames(candidates)), "name one by id"}
}

func thingsNamed(ctx context.Context, db pgquery.Queryer, tenants []string, kind string, name *string) ([]namedThing, error) {
	return pgquery.Rows(ctx, db, "look for a name", pgx.RowToStructByPos[namedThing], findNames, tenants, kind, name)
}

// unknownNameError says that there is nothing of the name, and what there is.
func (r *Report) unknownNameError(p Param, kind, value string, known []string) error {
	e := &ArgumentError{Report: r.Name, Param: p.Name, Message: fmt.Sprintf("there is no %s %q", kind, value), Hint: suggest(value, known)}
	slices.Sort(known)
	known = slices.Compact(known)
	switch {
	case len(known) == 0:
		e.Hint = "the mirror has no " + kind + " at all"
	case e.Hint == "":
		e.Hint = "there are: " + joinFirstNames(known)
	}
	return e
}

// listed is how many names a message lists.
const listed = 10

// joinFirstNames writes names behind each other; of many only the first, and how many
// more there are.
func joinFirstNames(names []string) string {
	if len(names) <= listed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:listed], ", "), len(names)-listed)
}
