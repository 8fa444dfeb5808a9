// Package sql hands out the SQL that is part of the program: the migrations
// that make the tables, and the queries the demo shows.
package sql

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql demo/*.sql
var files embed.FS

// Folder returns one of the folders beside this file: migrations or demo. It panics
// for a name there is no folder of.
func Folder(name string) fs.FS {
	folder, err := fs.Sub(files, name)
	if err != nil {
		panic(err)
	}
	return folder
}
