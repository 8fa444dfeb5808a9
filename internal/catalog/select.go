package catalog

import "slices"

// All returns every listing, each behind what it needs. The caller may keep
// the result but not change what it points at.
func All() []*Listing { return slices.Clone(listings) }

// Find returns the listing of that name, nil if there is none.
func Find(name string) *Listing {
	i := slices.IndexFunc(listings, func(l *Listing) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return listings[i]
}

// Names returns the names of all listings, in the order of All.
func Names() []string {
	names := make([]string, len(listings))
	for i, l := range listings {
		names[i] = l.Name
	}
	return names
}

// Select returns the listings named and all they need, in the order of All.
// Without names it returns every listing that is not optional. Unknown names
// are left out; the configuration has refused them already.
func Select(names []string) []*Listing {
	wanted := map[string]bool{}
	var want func(name string)
	want = func(name string) {
		l := Find(name)
		if l == nil || wanted[name] {
			return
		}
		wanted[name] = true
		for _, need := range l.Needs {
			want(need)
		}
	}
	if len(names) == 0 {
		for _, l := range listings {
			if !l.Optional {
				want(l.Name)
			}
		}
	}
	for _, name := range names {
		want(name)
	}
	return slices.DeleteFunc(All(), func(l *Listing) bool { return !wanted[l.Name] })
}
