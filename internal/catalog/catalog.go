// Package catalog says which listings of the Management API are mirrored, how
// each is read, and what its items become: one entry a listing, as plain data
// that both the walks and the loader read. It imports nothing of ours, so that
// neither side has to know the other.
//
// Which columns a table has is not said here but in the migrations; the loader
// asks the database. A column takes the item's field of the same name in
// camel case; the catalog names only the exceptions.
package catalog

import (
	"maps"
	"net/url"
	"strings"
)

// A Walk is a way to read a listing to its proof.
type Walk string

const (
	// Whole reads a listing that comes unpaged, in one statement of the server.
	Whole Walk = "whole"
	// Pages reads a paged listing page by page, around a count that proves it.
	Pages Walk = "pages"
	// Split reads a paged listing that can be searched by id in ranges of ids,
	// each of which fits in one page.
	Split Walk = "split"
	// Refresh reads a listing the mirror knows by the ids it knows. It is never
	// in the catalog: the walks choose it for a Split listing with known rows.
	Refresh Walk = "refresh"
	// Window reads an append-only listing by time, from where the mirror ends.
	Window Walk = "window"
)

// TypeColumn is the column that tells parents apart, see Listing.ParentType.
const TypeColumn = "type"

// A DeletionCheck is what confirms that an item is gone before it leaves the mirror.
type DeletionCheck string

const (
	// ByWalk takes the absence from a list that came in one statement, or from
	// two complete walks in a row, for good.
	ByWalk DeletionCheck = "walk"
	// ByIDs asks the listing itself for the ids, 100 a request.
	ByIDs DeletionCheck = "ids"
	// ByPath asks for the item's own path and expects a 404.
	ByPath DeletionCheck = "path"
	// NeverDeleted means that nothing is ever deleted: the listing is a window.
	NeverDeleted DeletionCheck = "nobody"
)

// A Listing is one list of the Management API, for one parent where it has one.
type Listing struct {
	// Name is what jobs.yaml, the certificates and the logs call the listing. It
	// is the name of its root table, too.
	Name string
	// Since is the version of Logto the listing came with, where that is after
	// 1.16, the oldest that is supported; empty: every server has it.
	Since string
	// Path of the list below /api; "{id}" stands for the parent's id.
	Path string
	// Query is sent with every request of the listing; nil sends none.
	Query url.Values
	// Member is the field of the answer that holds the list, where the answer is
	// an object; empty where it is the list itself.
	Member string
	// ID is the field that identifies an item below its parent.
	ID string
	// Parent is the listing whose items are the parents; empty at the top.
	Parent string
	// ParentType keeps only parents of this type; empty keeps all. A parent
	// whose type is unknown is kept.
	ParentType string
	// Needs are listings that must be in the mirror for this one's references
	// to hold; Parent is among them.
	Needs []string
	// Walk is how the listing is read for the first time.
	Walk Walk
	// CountOnly says that an item holds nothing but its key, so that a refresh
	// need only count the known ids and not fetch them.
	CountOnly bool
	// Search is the query parameter that narrows the list to items with a text in
	// their id or elsewhere; empty where there is none. For Pages only.
	Search string
	// DeletionCheck confirms a deletion.
	DeletionCheck DeletionCheck
	// ItemPath is where one item of a top-level listing is read by its id, as
	// the list has it; empty where there is none.
	ItemPath string
	// Optional listings cost a request a user or an organization, or are big:
	// they are read only where jobs.yaml names them.
	Optional bool
	// Root is the table with one row an item.
	Root Table
	// Nested are the tables filled from inside the items.
	Nested []Table
}

// A Table says where the rows of one table come from.
type Table struct {
	// Name of the table in schema logto.
	Name string
	// Key are the columns behind tenant_id that make up the primary key, in its
	// order. In a root table the last one is the item's own id.
	Key []string
	// From gives the source of columns that are not simply the item's field of
	// the same name.
	From map[string]Source
	// Only stores the columns in From and nothing else: the rest of the item
	// belongs to another listing.
	Only bool
	// Field is where in the item the elements of a nested table are: the name
	// of an array of objects, or of an object whose members are the elements.
	Field string
	// Drop are fields that are not stored: secrets, and what the server derives
	// anew at each request. What else has no column goes to extra.
	Drop []string
	// Mask are jsonb columns in which values under a secret-looking key are
	// blanked, at any depth.
	Mask []string
	// Volatile are columns whose change alone is not history.
	Volatile []string
	// Refs are the columns that point at rows of other tables.
	Refs []Ref
	// Decides are columns by which reports or forget decide, each with what they
	// decide, so that no privacy rule may change them. "payload.userId" is member
	// userId of a jsonb column, which a rule has to keep or drop with the column.
	Decides map[string]string
}

// A Ref is a reference from columns of a table to the key of another.
type Ref struct {
	Column string // the column that holds the id
	Table  string // the table it points at, by its id
}

// A Source is where a column takes its value from.
type Source struct {
	kind sourceKind
	name string
}

type sourceKind int

const (
	fromField sourceKind = iota
	fromParent
	fromItem
	fromMemberName
	fromOrigin
)

// Field takes the value of a field; "a.b" is field b of the object in field a.
func Field(name string) Source { return Source{fromField, name} }

// ParentID takes the id of the parent the listing was read for.
func ParentID() Source { return Source{kind: fromParent} }

// ItemID takes, in a nested table, the id of the item the element is in.
func ItemID() Source { return Source{kind: fromItem} }

// MemberName takes, in a nested table whose elements are the members of an
// object, the member's name.
func MemberName() Source { return Source{kind: fromMemberName} }

// Origin takes scheme and host of the URL in a field and leaves its path,
// query and user behind, which may hold credentials.
func Origin(name string) Source { return Source{fromOrigin, name} }

// IsParent reports whether the value is the parent's id.
func (s Source) IsParent() bool { return s.kind == fromParent }

// IsItem reports whether the value is the id of the surrounding item.
func (s Source) IsItem() bool { return s.kind == fromItem }

// IsMemberName reports whether the value is the name of an object's member.
func (s Source) IsMemberName() bool { return s.kind == fromMemberName }

// IsOrigin reports whether only scheme and host of a URL are taken.
func (s Source) IsOrigin() bool { return s.kind == fromOrigin }

// Path returns the field names to follow for a value taken from the item.
func (s Source) Path() []string { return strings.Split(s.name, ".") }

// ForParent returns the path of the list of one parent.
func (l *Listing) ForParent(id string) string {
	return strings.Replace(l.Path, "{id}", url.PathEscape(id), 1)
}

// ForItem returns the path of one item of a top-level listing.
func (l *Listing) ForItem(id string) string {
	return strings.Replace(l.ItemPath, "{id}", url.PathEscape(id), 1)
}

// IDColumn is the column of the root table that holds an item's own id.
func (l *Listing) IDColumn() string { return l.Root.Key[len(l.Root.Key)-1] }

// ParentColumn is the column of the root table that holds the parent's id;
// empty for a top-level listing.
func (l *Listing) ParentColumn() string {
	for column, source := range l.Root.From {
		if source.IsParent() {
			return column
		}
	}
	return ""
}

// Decides returns the columns of a table by which the program decides what to
// read or what to answer, each with what it decides: no privacy rule may change
// them. It has those of Table.Decides, and those by which walks choose.
func Decides(table string) map[string]string {
	out := map[string]string{}
	for _, l := range listings {
		if l.ParentType != "" && l.Parent == table {
			out[TypeColumn] = strings.TrimPrefix(out[TypeColumn]+" and ", " and ") + "what " + l.Name + " is read for"
		}
		for _, t := range l.Tables() {
			if t.Name == table {
				maps.Copy(out, t.Decides)
			}
		}
	}
	return out
}

// Tables returns the root table and the nested ones.
func (l *Listing) Tables() []Table {
	return append([]Table{l.Root}, l.Nested...)
}
