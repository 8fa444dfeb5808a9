package load

import (
	"maps"
	"slices"
	"strings"
)

// unknownFieldNote begins the note of a certificate on a field that no column is
// for; the table and the field follow.
const unknownFieldNote = "items with a field that this version does not know: "

// maxUnknownFields is how many such fields a batch tells apart.
const maxUnknownFields = 100

// maxFieldName is how many bytes of a field's name a note has.
const maxFieldName = 128

// An unknownField is a field of items that no column of a table is for.
type unknownField struct{ table, name string }

// countUnknown notes a field of an item that no column is for. It is stored in
// extra, but the server may be newer than this version.
func (n *encodeNotes) countUnknown(table string, name []byte) {
	field := unknownField{table, strings.ToValidUTF8(strings.ReplaceAll(string(name[:min(len(name), maxFieldName)]), "\x00", "\ufffd"), "\ufffd")}
	if _, seen := n.unknown[field]; !seen && len(n.unknown) >= maxUnknownFields {
		return
	}
	if n.unknown == nil {
		n.unknown = map[unknownField]int{}
	}
	n.unknown[field]++
}

// UnknownFields returns the fields, as table.field and sorted, of which the notes
// of a certificate say that this version does not know them.
func UnknownFields(notes map[string]int) []string {
	var fields []string
	for _, note := range slices.Sorted(maps.Keys(notes)) {
		if field, ok := strings.CutPrefix(note, unknownFieldNote); ok {
			fields = append(fields, field)
		}
	}
	return fields
}
