// Package sql hands out the migrations that make the tables. The reports are in
// the package below.
package sql

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var files embed.FS

// Folder returns one of the folders beside this file, of which there is one:
// migrations. It panics for a name there is no folder of.
func Folder(name string) fs.FS {
	folder, err := fs.Sub(files, name)
	if err != nil {
		panic(err)
	}
	return folder
}
