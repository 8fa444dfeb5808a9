// Package report answers questions about the mirror: it runs reports, which
// are files of SQL with a head that describes them, lets a role read what is
// meant for analysts, and keeps the indexes their questions need. It only
// reads rows of the mirror and knows nothing of Logto or of how rows get there.
package report
