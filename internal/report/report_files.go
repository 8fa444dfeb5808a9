package report

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"logto-syncer/sql/reports"
)

// ErrUnknown is what Find's error wraps when there is no such report.
var ErrUnknown = errors.New("no such report")

// List returns the reports, by name: the built-in ones and those of the user's
// folder; empty: none of the user's. A user's report replaces a built-in one of
// its name. The error tells of every file that is not a report; the others are
// returned beside it.
func List(folder string) ([]*Report, error) {
	found := map[string]*Report{}
	err := addFolderReports(found, reports.Files(), "")
	if folder != "" {
		err = errors.Join(err, addFolderReports(found, os.DirFS(folder), folder))
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *Report) int { return strings.Compare(a.Name, b.Name) }), err
}

// LoadByName returns the report of a name, the user's before a built-in one. The
// error wraps ErrUnknown if there is none, and then suggests one.
func LoadByName(folder, name string) (*Report, error) {
	if fs.ValidPath(name) && !strings.ContainsAny(name, `/\`) && name != "." {
		if folder != "" {
			if r, err := readReport(os.DirFS(folder), folder, name+".sql"); !errors.Is(err, fs.ErrNotExist) {
				return r, err
			}
		}
		if r, err := readReport(reports.Files(), "", name+".sql"); !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
	}
	var names []string
	all, _ := List(folder) // what cannot be read is not what was asked for
	for _, r := range all {
		names = append(names, r.Name)
	}
	if near := suggest(name, names); near != "" {
		return nil, fmt.Errorf("%w: %q: %s", ErrUnknown, name, near)
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknown, name)
}

func addFolderReports(found map[string]*Report, folder fs.FS, path string) error {
	files, err := fs.Glob(folder, "*.sql")
	if err == nil && path != "" {
		_, err = fs.Stat(folder, ".")
	}
	if err != nil {
		return fmt.Errorf("list the reports: %w", err)
	}
	var broken []error
	for _, file := range files {
		r, err := readReport(folder, path, file)
		if err != nil {
			broken = append(broken, err)
			continue
		}
		found[r.Name] = r
	}
	return errors.Join(broken...)
}

func readReport(folder fs.FS, path, file string) (*Report, error) {
	text, err := fs.ReadFile(folder, file)
	if err != nil {
		return nil, fmt.Errorf("read a report: %w", err)
	}
	r, err := Parse(strings.TrimSuffix(file, ".sql"), filepath.Join(path, file), string(text))
	if err != nil {
		return nil, err
	}
	r.BuiltIn = path == ""
	return r, nil
}

// suggest says which of the names may have been meant; empty: none is near.
func suggest(name string, names []string) string {
	best, least := "", len(name)/2+1
	for _, other := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(other)); d < least {
			best, least = other, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance is how many bytes to insert, delete or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
