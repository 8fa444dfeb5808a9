package mirror

import (
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sourcegraph/conc/pool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/changes"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/rawjson"
)

// readTargets reads what entries of the feeds point at: items before what is
// below them.
func (c *changesRun) readTargets(ctx context.Context) error {
	for _, name := range c.targets.Whole.Sorted() {
		if l := c.jobListing(name); l != nil {
			proof, err := c.walker.Walk(ctx, l)
			if err != nil {
				return err
			}
			c.recordWholeRead(&proof)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.targets.IDs)) {
		if c.jobListing(name) == nil {
			continue
		}
		if err := c.walker.ReadByID(ctx, c.proofs[name], c.targets.IDs[name].Sorted()); err != nil {
			return err
		}
	}
	if err := c.readMemberships(ctx); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.targets.Parents)) {
		if c.jobListing(name) == nil {
			continue
		}
		if err := c.walker.ReadBelow(ctx, c.proofs[name], c.targets.Parents[name].Sorted()); err != nil {
			return err
		}
	}
	return nil
}

// memberReaders is how many users' organizations are asked for at once; the
// client bounds the requests.
const memberReaders = 32

// readMemberships reads the memberships that events name: from the users' side, or,
// where that takes fewer requests, the members of the organization.
func (c *changesRun) readMemberships(ctx context.Context) error {
	l := c.jobListing("organization_users")
	if l == nil {
		return nil
	}
	byUser := map[string][]string{}
	for _, organization := range slices.Sorted(maps.Keys(c.targets.Members)) {
		if _, all := c.targets.Parents[l.Name][organization]; all {
			continue
		}
		users := c.targets.Members[organization]
		known, err := c.sink.CountBelowParent(ctx, l, organization)
		if err != nil {
			return err
		}
		if _, requests := estimateListRequests(l, known+len(users), known); len(users) > requests {
			if c.targets.Parents[l.Name] == nil {
				c.targets.Parents[l.Name] = changes.IDSet{}
			}
			c.targets.Parents[l.Name][organization] = struct{}{}
			continue
		}
		for id := range users {
			byUser[id] = append(byUser[id], organization)
		}
	}
	p := pool.New().WithContext(ctx).WithMaxGoroutines(memberReaders).WithCancelOnError().WithFirstError()
	for _, id := range slices.Sorted(maps.Keys(byUser)) {
		p.Go(func(ctx context.Context) error { return c.readUserMemberships(ctx, l, id, byUser[id]) })
	}
	return p.Wait()
}

// readUserMemberships reads whether a user is a member of some organizations.
func (c *changesRun) readUserMemberships(ctx context.Context, l *catalog.Listing, id string, organizations []string) error {
	proof := extract.NewInitialProof(l) // one each: they are read at once
	path := catalog.Find("users").PathForItem(id) + "/organizations"
	err := c.walker.ReadMemberships(ctx, proof, path, id, organizations, func(organization jsontext.Value) (jsontext.Value, error) {
		return memberFromOrganization(id, organization)
	})
	if proof.Outcome != extract.Complete {
		c.doubt(l.Name, proof.Reason)
	}
	return err
}

// memberFromOrganization returns a member as the list of an organization has it, from an
// organization in the list of the user.
func memberFromOrganization(id string, organization jsontext.Value) (jsontext.Value, error) {
	quoted, err := jsontext.AppendQuote(nil, id)
	if err != nil {
		return nil, err
	}
	member := append([]byte(`{"id":`), quoted...)
	err = rawjson.Members(organization, func(name []byte, value jsontext.Value) error {
		if string(name) == "organizationRoles" {
			member = append(append(member, `,"organizationRoles":`...), value...)
		}
		return nil
	})
	return append(member, '}'), err
}
