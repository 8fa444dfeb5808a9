package changes

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// maxDeltas is how many ids Logto names in an event: of more, the rest is missing.
const maxDeltas = 5000

// A IDSet is a set of ids.
type IDSet map[string]struct{}

// Sorted returns the ids in order.
func (s IDSet) Sorted() []string {
	ids := slices.AppendSeq(make([]string, 0, len(s)), maps.Keys(s)) // not nil
	slices.Sort(ids)
	return ids
}

// Targets are what entries point at: what is to be read again.
type Targets struct {
	IDs     map[string]IDSet  // items to be read by their ids, by listing
	Parents map[string]IDSet  // parents whose lists are to be read, by listing
	Members map[string]IDSet  // users whose membership may have changed, by organization
	Whole   IDSet             // listings to be read whole
	Unclear map[string]string // by listing, why an entry does not say enough
}

// NewTargets returns targets of no entries.
func NewTargets() *Targets {
	return &Targets{IDs: map[string]IDSet{}, Parents: map[string]IDSet{}, Members: map[string]IDSet{}, Whole: IDSet{}, Unclear: map[string]string{}}
}

// Add adds what an entry points at.
func (t *Targets) Add(e FeedEntry) {
	event, delivered := strings.CutPrefix(e.key, hookKeyPrefix)
	if !delivered { // tokens that are issued or revoked change no user
		if strings.HasPrefix(e.key, "Interaction.") && e.payload.UserID != "" {
			put(t.IDs, "users", e.payload.UserID)
		}
		return
	}
	d := e.payload.HookRequest.Body
	kind, _, _ := strings.Cut(event, ".")
	switch {
	case event == "Organization.Membership.Updated":
		t.addMembershipEvent(d)
	case event == "Role.Scopes.Updated":
		t.add(t.Parents, "role_scopes", event, d.paramOrDataID("id", d.RoleID))
	case kind == "User":
		t.add(t.IDs, "users", event, d.paramOrDataID("userId", ""))
	case kind == "PostRegister" || kind == "PostSignIn" || kind == "PostResetPassword":
		t.add(t.IDs, "users", event, d.paramOrDataID("userId", cmp.Or(d.UserID, d.User.ID)))
	case kind == "Role":
		t.add(t.IDs, "roles", event, d.paramOrDataID("id", ""))
	case kind == "Organization":
		t.add(t.IDs, "organizations", event, d.paramOrDataID("id", ""))
	case kind == "Scope":
		t.Whole["resources"] = struct{}{}
	case kind == "OrganizationRole":
		t.Whole["organization_roles"] = struct{}{}
	case kind == "OrganizationScope":
		t.Whole["organization_scopes"] = struct{}{}
	}
}

// addMembershipEvent adds the members that an event names. Before Logto 1.40 it names
// the organization alone.
func (t *Targets) addMembershipEvent(d delivery) {
	organization := cmp.Or(d.OrganizationID, d.paramOrDataID("id", "")) // the parameter may be of an invitation
	users := append(slices.Clone(d.AddedUserIDs), d.RemovedUserIDs...)
	applications := append(slices.Clone(d.AddedApplicationIDs), d.RemovedApplicationIDs...)
	if organization == "" {
		t.markUnclear("organization_users", "an event names no organization")
		t.markUnclear("organization_applications", "an event names no organization")
		return
	}
	for _, id := range users {
		put(t.Members, organization, id)
	}
	for _, id := range applications {
		put(t.Parents, "organization_applications", id)
	}
	aboutApplications := strings.Contains(d.MatchedRoute, "/applications")
	cut := func(ids []string) bool { return len(ids) >= maxDeltas }
	if cut(d.AddedUserIDs) || cut(d.RemovedUserIDs) || len(users)+len(applications) == 0 && !aboutApplications {
		put(t.Parents, "organization_users", organization)
	}
	if cut(d.AddedApplicationIDs) || cut(d.RemovedApplicationIDs) || len(users)+len(applications) == 0 && (aboutApplications || d.MatchedRoute == "") {
		t.markUnclear("organization_applications", "an event does not name the applications")
	}
}

// HasListing reports whether something of the listing is to be read, or should be and
// it is unclear what.
func (t *Targets) HasListing(listing string) bool {
	_, whole := t.Whole[listing]
	return whole || len(t.IDs[listing])+len(t.Parents[listing]) > 0 || t.Unclear[listing] != "" ||
		listing == "organization_users" && len(t.Members) > 0
}

// add adds an id that an event names; without one, the listing is unclear.
func (t *Targets) add(sets map[string]IDSet, listing, event, id string) {
	if id == "" {
		t.markUnclear(listing, "an event "+event+" names no id")
		return
	}
	put(sets, listing, id)
}

func (t *Targets) markUnclear(listing, why string) {
	if t.Unclear[listing] == "" {
		t.Unclear[listing] = why
	}
}

func put(sets map[string]IDSet, name, id string) {
	if sets[name] == nil {
		sets[name] = IDSet{}
	}
	sets[name][id] = struct{}{}
}
