package logtotest

import (
	"slices"
	"strings"
)

// A userSet is some of the users, in the two orders they are asked for.
type userSet struct {
	byID  []*user
	byAge []*user // newest first, then by id
}

func compareUserID(u *user, id string) int { return strings.Compare(u.id(), id) }

func compareUserAge(a, b *user) int {
	switch {
	case a.created > b.created:
		return -1
	case a.created < b.created:
		return 1
	}
	return strings.Compare(a.id(), b.id())
}

// newUserSet takes the slice over.
func newUserSet(users []*user) *userSet {
	s := &userSet{byID: users, byAge: slices.Clone(users)}
	slices.SortFunc(s.byID, func(a, b *user) int { return strings.Compare(a.id(), b.id()) })
	slices.SortFunc(s.byAge, compareUserAge)
	return s
}

func (s *userSet) get(id string) *user {
	if s == nil {
		return nil
	}
	if i, ok := slices.BinarySearchFunc(s.byID, id, compareUserID); ok {
		return s.byID[i]
	}
	return nil
}

func (s *userSet) len() int {
	if s == nil {
		return 0
	}
	return len(s.byID)
}

// add puts a user in; it must not be there yet.
func (s *userSet) add(u *user) {
	i, _ := slices.BinarySearchFunc(s.byID, u.id(), compareUserID)
	s.byID = slices.Insert(s.byID, i, u)
	i, _ = slices.BinarySearchFunc(s.byAge, u, compareUserAge)
	s.byAge = slices.Insert(s.byAge, i, u)
}

func (s *userSet) drop(u *user) {
	if s.get(u.id()) == nil {
		return
	}
	i, _ := slices.BinarySearchFunc(s.byID, u.id(), compareUserID)
	s.byID = slices.Delete(s.byID, i, i+1)
	i, _ = slices.BinarySearchFunc(s.byAge, u, compareUserAge)
	s.byAge = slices.Delete(s.byAge, i, i+1)
}

func (s *userSet) dropMany(gone map[*user]bool) {
	drop := func(u *user) bool { return gone[u] }
	s.byID = slices.DeleteFunc(s.byID, drop)
	s.byAge = slices.DeleteFunc(s.byAge, drop)
}
