package catalog

// Absent says that a server older than Since does not have the listing.
func (l *Listing) Absent() string {
	return "Logto before " + l.Since + " has no " + l.Name + ": not mirrored"
}
