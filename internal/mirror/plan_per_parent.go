package mirror

import (
	"context"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"logto-syncer/internal/catalog"
)

// maxRolePages bounds how many roles a plan looks at: 2,000.
const maxRolePages = 20

// roleCounts is what a plan reads of a role. The numbers are nil from a server too
// old to send them.
type roleCounts struct {
	ID           string `json:"id"`
	Type         string `json:"type"`
	Users        *int   `json:"usersCount"`
	Applications *int   `json:"applicationsCount"`
}

// estimatePerParent estimates a listing that is read once for every parent. How big the
// lists are is known of roles only; of others, a request a parent is the least.
func (p *planner) estimatePerParent(ctx context.Context, l *catalog.Listing) (Estimate, error) {
	above := catalog.Find(l.Parent)
	if p.parents[above.Name].unknown {
		return Estimate{Listing: l.Name, Walk: l.Walk, Note: "no parents: " + above.Name + " is unknown to server"}, nil
	}
	if there, err := p.probe.supports(ctx, l); err != nil || !there {
		return estimateUnsupported(l), err
	}
	if above.Name == "roles" && l.Walk != catalog.Whole {
		return p.estimatePerRole(ctx, l, above)
	}
	number := p.parents[above.Name].number
	if l.ParentType != "" {
		var err error
		if number, err = p.fetchTotal(ctx, above, url.Values{"types": {l.ParentType}}); err != nil {
			return Estimate{}, err
		}
	}
	return Estimate{Listing: l.Name, Walk: l.Walk, Requests: number, AtLeast: l.Walk != catalog.Whole}, nil
}

// estimatePerRole adds up what the roles say of themselves.
func (p *planner) estimatePerRole(ctx context.Context, l, above *catalog.Listing) (Estimate, error) {
	roles, all, err := p.fetchRoleCounts(ctx, above)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Listing: l.Name, Walk: l.Walk, AtLeast: !all}
	sum := 0
	for _, r := range roles {
		if r.Type != "" && r.Type != l.ParentType {
			continue
		}
		number := r.Users
		if l.Name == "application_roles" {
			number = r.Applications
		}
		if number == nil {
			e.AtLeast = true
			e.Requests++
			continue
		}
		known, err := p.countMirroredBelowParent(ctx, l, r.ID)
		if err != nil {
			return Estimate{}, err
		}
		walk, requests := estimateListRequests(l, *number, known)
		if walk == catalog.Refresh {
			e.Walk = walk
		}
		sum += *number
		e.Requests += requests
	}
	if !e.AtLeast {
		e.Total = &sum
	}
	return e, nil
}

// fetchRoleCounts reads the roles with the numbers of who has them, and whether these
// are all.
func (p *planner) fetchRoleCounts(ctx context.Context, l *catalog.Listing) (roles []roleCounts, all bool, err error) {
	for n := 1; n <= maxRolePages; n++ {
		page, err := p.api.List(ctx, l.Path, url.Values{"page": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(perPage)}})
		if err != nil {
			return nil, false, err
		}
		for _, item := range page.Items {
			var r roleCounts
			if err := json.Unmarshal(item, &r); err != nil {
				return nil, false, err
			}
			roles = append(roles, r)
		}
		if len(page.Items) < perPage {
			return roles, true, nil
		}
	}
	return roles, false, nil
}
