package catalog

// UnsupportedNote says that a server older than Since does not have the listing.
func (l *Listing) UnsupportedNote() string {
	return "Logto before " + l.Since + " has no " + l.Name + ": not mirrored"
}
