package logtotest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A versionFeatures is what a server of one version lacks, by the words of releases.
// It does not change.
type versionFeatures struct {
	version    string
	routes     map[string]bool // unknown paths
	paged      map[string]bool // lists that are paged although nobody asks for a page
	columns    map[string]bool // fields it does not send
	parameters map[string]bool // query parameters it ignores
	behaviors  map[behavior]bool
	events     map[string]bool // of webhooks that it does not know
}

// newVersionFeatures works out what a version lacks; "" is the newest.
func newVersionFeatures(version string) (*versionFeatures, error) {
	e := &versionFeatures{
		version: cmp.Or(version, Newest),
		routes:  map[string]bool{}, paged: map[string]bool{}, columns: map[string]bool{}, parameters: map[string]bool{},
		behaviors: map[behavior]bool{}, events: map[string]bool{},
	}
	mine, err := parseVersion(e.version)
	if err != nil {
		return nil, err
	}
	if oldest, _ := parseVersion(Oldest); slices.Compare(mine, oldest) < 0 {
		return nil, fmt.Errorf("version %s of Logto is not simulated: the oldest is %s", version, Oldest)
	}
	for _, r := range versionChanges() {
		if since, _ := parseVersion(r.version); slices.Compare(mine, since) >= 0 {
			continue
		}
		for words, lacks := range map[string]map[string]bool{
			r.routes: e.routes, r.unpaged: e.paged, r.columns: e.columns, r.parameters: e.parameters, r.events: e.events,
		} {
			for word := range strings.FieldsSeq(words) {
				lacks[word] = true
			}
		}
		e.behaviors[r.behavior] = true
	}
	return e, nil
}

// parseVersion reads 1.25 or 1.25.3.
func parseVersion(version string) ([]int, error) {
	parts := strings.Split(version, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, fmt.Errorf("%q is not a version of Logto, such as 1.25", version)
	}
	numbers := make([]int, len(parts))
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is not a version of Logto, such as 1.25", version)
		}
		numbers[i] = n
	}
	return numbers, nil
}

// sendsColumn tells if items of a table show a column.
func (e *versionFeatures) sendsColumn(table, column string) bool {
	return len(e.columns) == 0 || !e.columns[table+"."+column]
}

// does tells if the server behaves so.
func (e *versionFeatures) does(b behavior) bool { return !e.behaviors[b] }

// filterQuery takes out of a query what the server ignores.
func (e *versionFeatures) filterQuery(q query) query {
	if len(e.parameters) == 0 {
		return q
	}
	return slices.DeleteFunc(q, func(p queryParameter) bool { return e.parameters[p.key] })
}
