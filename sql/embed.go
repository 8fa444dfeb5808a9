// Package sql hands out the SQL that is part of the program: the migrations
// that make the tables, and the reports.
package sql

import "embed"

// Migrations are goose migrations, in folder migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS
