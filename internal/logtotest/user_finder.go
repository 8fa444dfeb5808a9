package logtotest

import (
	"cmp"
	"slices"
)

// userSearchFields are the columns of users that may be searched, in the server's order.
func userSearchFields() []string {
	return []string{"id", "primary_email", "primary_phone", "username", "name"}
}

// columnText gives a searchable column of a user.
func (u *user) columnText(col string) (string, bool) {
	raw := u.rawColumn(userTextColumnPosition(col))
	return unquote(raw), raw != "null"
}

// A userFinder looks users up in a set, by index where the search allows it.
type userFinder struct {
	set  *userSet
	s    search
	keep func(*user) bool // nil is all
	t    *Tenant          // remembers scans of all users; nil: nobody does
}

// A cachedScan is what a search without an index has found by looking at all users. A
// page needs it for the count and for the rows, a listing for every page: to
// look at everybody each time would make a request to a big tenant dearer than
// one to a small one.
type cachedScan struct {
	search string
	writes uint64  // as the tenant counted them then
	users  []*user // by id
}

// scan lists the matching users by looking at all, unless the last scan was for
// the same and nobody has written since.
func (f *userFinder) scan() []*user {
	remember := f.t != nil && f.set == f.t.users && f.keep == nil
	now := &cachedScan{}
	if remember {
		now.search, now.writes = f.s.cacheKey(), f.t.writes
		if last := f.t.lastScan.Load(); last != nil && last.search == now.search && last.writes == now.writes {
			return last.users
		}
	}
	for _, u := range f.set.byID {
		if f.accepts(u) {
			now.users = append(now.users, u)
		}
	}
	if remember {
		f.t.lastScan.Store(now)
	}
	return now.users
}

// candidates lists the users that can match, in parts; exact is that all do.
func (f *userFinder) candidates() (parts [][]*user, exact bool) {
	if parts, exact, ok := f.indexed(); ok {
		return parts, exact
	}
	return [][]*user{f.scan()}, true
}

func (f *userFinder) accepts(u *user) bool {
	return (f.keep == nil || f.keep(u)) && f.s.accepts(u.columnText)
}

// indexed lists the users that can match at all, when an index can tell: the
// search is for ids, prefixes of ids or classes of them, alone or with others
// joined by and. exact is that all of them do match.
func (f *userFinder) indexed() (found [][]*user, exact, ok bool) {
	if len(f.s.matches) == 0 || len(f.s.matches) > 1 && !f.s.and {
		return nil, false, false
	}
	exact = len(f.s.matches) == 1 && f.keep == nil
	for i := range f.s.matches {
		m := &f.s.matches[i]
		if len(m.fields) != 1 || m.fields[0] != "id" {
			continue
		}
		if m.mode == "exact" && f.s.sensitive {
			ids := slices.Clone(m.values)
			slices.Sort(ids)
			var users []*user
			for _, id := range slices.Compact(ids) {
				if u := f.set.get(id); u != nil {
					users = append(users, u)
				}
			}
			return [][]*user{users}, exact, true
		}
		if m.ranges != nil {
			for _, r := range m.ranges {
				if part := f.set.between(r); len(part) > 0 {
					found = append(found, part)
				}
			}
			return found, exact, true
		}
	}
	return nil, false, false
}

// between is the part of the set in a range of ids.
func (s *userSet) between(r idBounds) []*user {
	if s == nil {
		return nil
	}
	from, _ := slices.BinarySearchFunc(s.byID, r.from, compareUserID)
	to := len(s.byID)
	if r.to != "" {
		to, _ = slices.BinarySearchFunc(s.byID, r.to, compareUserID)
	}
	return s.byID[from:to]
}

func (f *userFinder) count() int {
	if f.set == nil {
		return 0
	}
	if len(f.s.matches) == 0 && f.keep == nil {
		return f.set.len()
	}
	parts, exact := f.candidates()
	n := 0
	for _, part := range parts {
		if exact {
			n += len(part)
			continue
		}
		for _, u := range part {
			if f.accepts(u) {
				n++
			}
		}
	}
	return n
}

// newestMatches lists the matching users, newest first: at least the first top of them
// with everybody who shares the last one's created_at; top < 0 is all.
func (f *userFinder) newestMatches(top int) []*user {
	if f.set == nil {
		return nil
	}
	if len(f.s.matches) == 0 && f.keep == nil {
		return f.set.byAge
	}
	parts, exact := f.candidates()
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	if top >= 0 && n > 1000 && top*f.set.len() < n*(n/4) {
		return f.scanNewest(top) // matches are frequent: the newest are soon found
	}
	users := make([]*user, 0, n)
	for _, part := range parts {
		for _, u := range part {
			if exact || f.accepts(u) {
				users = append(users, u)
			}
		}
	}
	users = pruneToNewest(users, top)
	slices.SortFunc(users, compareUserAge)
	return users
}

// scanNewest is newest without an index: from the newest user on.
func (f *userFinder) scanNewest(top int) []*user {
	var users []*user
	for _, u := range f.set.byAge {
		if n := len(users); top >= 0 && n >= top && (n == 0 || u.created != users[n-1].created) {
			break
		}
		if f.accepts(u) {
			users = append(users, u)
		}
	}
	return users
}

// pruneToNewest drops who cannot be among the top newest, so that a small page of a
// big range is not sorted whole.
func pruneToNewest(users []*user, top int) []*user {
	if top < 0 || len(users) < 4*top || len(users) < 1000 {
		return users
	}
	heap := make([]int64, 0, top) // the top times, the least at the root
	for _, u := range users {
		if len(heap) < top {
			heap = append(heap, u.created)
			if len(heap) == top {
				slices.SortFunc(heap, cmp.Compare[int64])
			}
			continue
		}
		if u.created <= heap[0] {
			continue
		}
		heap[0] = u.created
		siftDownHeap(heap)
	}
	return slices.DeleteFunc(users, func(u *user) bool { return u.created < heap[0] })
}

// siftDownHeap restores the heap after its root changed.
func siftDownHeap(heap []int64) {
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(heap) && heap[child] < heap[least] {
				least = child
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}

// userListing is a paged listing of users, newest first. set runs under the lock.
func (c *apiRequest) userListing(s search, set func() *userSet, keep func(*user) bool) listing {
	at := func() *userFinder { return &userFinder{set: set(), s: s, keep: keep, t: c.t} }
	return listing{
		count: func() int { return at().count() },
		rows: func(b []byte, offset, limit int) []byte {
			for _, u := range c.newestUsersPage(at(), offset, limit) {
				b = append(c.appendOpenUserProfileResponse(b, u), '}', ',')
			}
			return b
		},
	}
}

// newestUsersPage is a page of what a finder finds, as the server would sort it.
func (c *apiRequest) newestUsersPage(f *userFinder, offset, limit int) []*user {
	created := func(u *user) int64 { return u.created }
	if c.s.orderly || f.count() > sortLimit {
		return unstablePage(f.newestMatches(offset+limit), created, offset, limit, c.tieSalt(c.t.writes))
	}
	if users := f.newestMatches(offset + limit); !hasTies(users) { // no way of sorting makes another order of them
		return window(users, offset, limit)
	}
	users := slices.Clone(f.newestMatches(-1))
	slices.SortFunc(users, func(a, b *user) int { return cmp.Compare(a.place, b.place) })
	return window(postgresTopN(users, created, offset+limit), offset, limit)
}

// hasTies reports whether two of the users, which are sorted by age, were created at
// the same time.
func hasTies(users []*user) bool {
	for i := 1; i < len(users); i++ {
		if users[i].created == users[i-1].created {
			return true
		}
	}
	return false
}

// tieSalt decides how ties fall; 0, for an orderly server, is not at all. The
// caller holds the lock.
func (c *apiRequest) tieSalt(writes uint64) uint64 {
	if c.s.orderly {
		return 0
	}
	return mixSeed(c.s.seed, writes) | 1
}
