// Package reports hands out the reports that are part of the program: the
// files of SQL beside this one. A file dropped here is a report.
package reports

import (
	"embed"
	"io/fs"
)

//go:embed *.sql
var files embed.FS

// Files returns the folder of reports, NAME.sql each.
func Files() fs.FS { return files }
