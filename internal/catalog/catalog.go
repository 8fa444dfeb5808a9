// Package catalog lists the listings of the Management API that are mirrored: how
// each is read, and what its items become. An entry is plain data that both the
// walks and the loader read. The package imports no other package of the module,
// so that neither side must know the other.
//
// The migrations, not the catalog, say which columns a table has; the loader asks
// the database. A column takes the item's field of the same name in camel case;
// the catalog names only the exceptions.
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

// A DeletionCheck says how the absence of an item is confirmed before its rows are
// deleted from the mirror.
type DeletionCheck string

const (
	// ByWalk trusts the absence from a list that came in one statement, or from two
	// complete walks in a row.
	ByWalk DeletionCheck = "walk"
	// ByIDs requests the ids from the listing itself, 100 per request.
	ByIDs DeletionCheck = "ids"
	// ByPath requests the item's own path and expects a 404.
	ByPath DeletionCheck = "path"
	// NeverDeleted deletes nothing: the listing is a window.
	NeverDeleted DeletionCheck = "none"
)

// A Listing is one list of the Management API, for one parent where it has one.
type Listing struct {
	// Name of the listing in jobs.yaml, certificates and logs. Its root table has the
	// same name.
	Name string
	// Since is the version of Logto that introduced the listing, if later than 1.16,
	// the oldest supported version; empty: every server has it.
	Since string
	// Path of the list below /api; "{id}" stands for the parent's id.
	Path string
	// Query is sent with every request of the listing; nil: none.
	Query url.Values
	// Member is the field of the response that holds the list; empty if the response
	// is the list itself.
	Member string
	// ID is the field that identifies an item below its parent.
	ID string
	// Parent is the listing whose items are the parents; empty at the top.
	Parent string
	// ParentType selects parents of this type; empty selects all. A parent of unknown
	// type is selected.
	ParentType string
	// Needs are the listings that this one's references point to. They must be
	// mirrored too; Parent is among them.
	Needs []string
	// Walk is how the listing is read for the first time.
	Walk Walk
	// NewestFirst says that the server sorts the list by createdAt, the newest first,
	// and that an item is created when it comes into the list and never comes back.
	NewestFirst bool
	// CountOnly says that an item has no data besides its key, so that a refresh only
	// counts the known ids and does not fetch them.
	CountOnly bool
	// Search is the query parameter that filters the list by a text in the id or other
	// fields; empty if there is none. For Pages only.
	Search string
	// DeletionCheck confirms deletions.
	DeletionCheck DeletionCheck
	// ItemPath is the path of one item of a top-level listing, which answers with the
	// item as in the list, but for nested lists; empty if there is none.
	ItemPath string
	// Optional listings cost a request for each user or organization, or are big: they
	// are read only if jobs.yaml names them.
	Optional bool
	// Root is the table with one row for each item.
	Root Table
	// Nested are the tables with rows from inside the items.
	Nested []Table
}

// A Table says where the rows of a table come from.
type Table struct {
	// Name of the table in schema logto.
	Name string
	// Key are the columns of the primary key after tenant_id, in order. In a root
	// table the last one is the item's own id.
	Key []string
	// From is the source of columns that do not take the item's field of the same
	// name.
	From map[string]Source
	// Only stores the columns in From and nothing else: the rest of the item
	// belongs to another listing.
	Only bool
	// Field is the field of the item with the elements of a nested table: an array of
	// objects, or an object whose members are the elements.
	Field string
	// Drop are fields that are not stored: secrets, and values that the server
	// computes for each response. Other fields without a column go to extra.
	Drop []string
	// Mask are jsonb columns in which values under keys that look like secrets are
	// blanked, at any depth.
	Mask []string
	// Volatile are columns whose change alone creates no version in history.
	Volatile []string
	// Refs are the columns that refer to rows of other tables.
	Refs []Ref
	// Decides are columns by which reports or forget decide, each with what they
	// decide, so that no privacy rule may change them. "payload.userId" is member
	// userId of a jsonb column, which a rule has to keep or drop with the column.
	Decides map[string]string
}

// A Ref is a reference from columns of a table to the key of another.
type Ref struct {
	Column string // the column that holds the id
	Table  string // the table it refers to, by id
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

// FieldSource takes the value of a field; "a.b" is field b of the object in field a.
func FieldSource(name string) Source { return Source{fromField, name} }

// ParentIDSource takes the id of the parent the listing was read for.
func ParentIDSource() Source { return Source{kind: fromParent} }

// ItemIDSource takes, in a nested table, the id of the item the element is in.
func ItemIDSource() Source { return Source{kind: fromItem} }

// MemberNameSource takes, in a nested table whose elements are the members of an
// object, the member's name.
func MemberNameSource() Source { return Source{kind: fromMemberName} }

// URLOriginSource takes scheme and host of the URL in a field, without path, query and user,
// which may contain credentials.
func URLOriginSource(name string) Source { return Source{fromOrigin, name} }

// IsParentID reports whether the value is the parent's id.
func (s Source) IsParentID() bool { return s.kind == fromParent }

// IsItemID reports whether the value is the id of the surrounding item.
func (s Source) IsItemID() bool { return s.kind == fromItem }

// IsMemberName reports whether the value is the name of an object's member.
func (s Source) IsMemberName() bool { return s.kind == fromMemberName }

// IsURLOrigin reports whether only scheme and host of a URL are taken.
func (s Source) IsURLOrigin() bool { return s.kind == fromOrigin }

// Path returns the field names to follow for a value taken from the item.
func (s Source) Path() []string { return strings.Split(s.name, ".") }

// PathForParent returns the path of the list of one parent.
func (l *Listing) PathForParent(id string) string {
	return strings.Replace(l.Path, "{id}", url.PathEscape(id), 1)
}

// PathForItem returns the path of one item of a top-level listing.
func (l *Listing) PathForItem(id string) string {
	return strings.Replace(l.ItemPath, "{id}", url.PathEscape(id), 1)
}

// IDColumn is the column of the root table that holds an item's own id.
func (l *Listing) IDColumn() string { return l.Root.Key[len(l.Root.Key)-1] }

// ParentColumn is the column of the root table that holds the parent's id;
// empty for a top-level listing.
func (l *Listing) ParentColumn() string {
	for column, source := range l.Root.From {
		if source.IsParentID() {
			return column
		}
	}
	return ""
}

// PrivacyExemptColumns returns the columns of a table by which the program decides what to
// read or what to answer, each with what it decides: no privacy rule may change
// them. It has those of Table.Decides, and those by which walks choose.
func PrivacyExemptColumns(table string) map[string]string {
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
