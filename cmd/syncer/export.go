package main

import (
	"context"
	_ "embed" // the query
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/report"
)

//go:embed sql/exportable_tables.sql
var exportableTablesQuery string

// exportCmd is syncer export.
type exportCmd struct {
	Tables     []string `arg:"" optional:"" name:"table" help:"Tables or views, as users, logto_history.users or report.user_directory; all of schema logto if none is named."`
	Format     string   `enum:"csv,parquet,xlsx" default:"csv" placeholder:"F" help:"csv (exact; a spreadsheet takes values that begin with = + - @ for formulas), parquet, or xlsx (safe to open) (default: csv)."`
	Out        string   `required:"" placeholder:"DIR" help:"The folder to write to, a file a table, and export.json that says what they are; made if it is not there."`
	Tenant     string   `placeholder:"NAME" help:"Only this tenant; all if none is named."`
	AllColumns bool     `help:"Also the columns that only syncer needs: item_hash."`
}

// An exportTable is a table or view, and its columns in order.
type exportTable struct {
	schema, name string
	columns      []exportedColumn
}

type exportedColumn struct{ name, kind string } // kind as Postgres names the type, such as timestamptz

// An exportLine is a file that was written, in JSON.
type exportLine struct {
	Type  string `json:"type"` // "exported"
	Table string `json:"table"`
	File  string `json:"file"`
	Rows  int64  `json:"rows"`
}

// Run is called by kong.
func (c *exportCmd) Run(ctx context.Context, a *app) (err error) {
	_, db, err := a.openReadable(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tenants, err := mirroredTenants(ctx, db, c.Tenant)
	if err != nil {
		return err
	}
	if c.Tenant != "" {
		c.Tenant = tenants[0] // as it is written in the mirror
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return usageError{err.Error(), ""}
	}
	// One snapshot for all: the files fit together whatever is published meanwhile.
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, db.Pool, options, func(tx pgx.Tx) error { return c.exportTables(ctx, a, tx, tenants) })
}

func (c *exportCmd) exportTables(ctx context.Context, a *app, tx pgx.Tx, tenants []string) error {
	if _, err := tx.Exec(ctx, "set local timezone = 'UTC'; set local datestyle = 'ISO'; set local client_min_messages = 'error'"); err != nil {
		return fmt.Errorf("begin the export: %w", err)
	}
	there, err := exportableTables(ctx, tx, c.AllColumns)
	if err != nil {
		return err
	}
	tables, err := c.chosenTables(there)
	if err != nil {
		return err
	}
	about := manifest{Syncer: programVersion(), Format: c.Format, Tenants: tenants}
	if about.Listings, about.ExportedAt, err = readListingStates(ctx, tx, tenants); err != nil {
		return err
	}
	var missing []error
	for _, t := range tables {
		notices, err := report.UnprovedListingNotices(ctx, tx, "select "+t.selectList()+t.fromWhereClause(c.Tenant), tenants)
		if err != nil {
			return err
		}
		file := manifestFile{Table: t.schema + "." + t.name, Columns: t.columnNames(), Notes: notices}
		if !about.isMirrored(t) {
			about.NotExported = append(about.NotExported, file)
			missing = append(missing, c.reportNotMirrored(a, file))
			continue
		}
		path := filepath.Join(c.Out, t.fileStem()+"."+c.Format)
		if file.Rows, err = c.writeTableFile(ctx, tx, t, about.restrictedToTable(t, file), path); err != nil {
			return fmt.Errorf("export %s.%s: %w", t.schema, t.name, err)
		}
		file.File = filepath.Base(path)
		about.Files = append(about.Files, file)
		a.out.printJSON(exportLine{"exported", file.Table, path, file.Rows})
		a.out.printf("%s  %s\n", path, countedNoun(file.Rows, "row"))
		for _, n := range notices {
			a.out.printf("  note: %s\n", n)
		}
	}
	if err := about.write(filepath.Join(c.Out, "export.json")); err != nil {
		return err
	}
	return errors.Join(missing...)
}

// reportNotMirrored tells of a table that is left out, for an empty file would say
// that there is nothing: an error if the table was named.
func (c *exportCmd) reportNotMirrored(a *app, file manifestFile) error {
	text, hint := file.Table+" is not exported: nothing is known of it", "add its listing to listings in jobs.yaml"
	if len(file.Notes) > 0 {
		text, hint = file.Table+" is not exported: "+file.Notes[0].Text, file.Notes[0].Hint
	}
	if len(c.Tables) > 0 {
		return unprovedError{text, hint}
	}
	a.out.printf("%s\n", text)
	return nil
}

// fileStem is the name of the table's file: those of schema logto go without it.
func (t exportTable) fileStem() string { return strings.TrimPrefix(t.schema+"."+t.name, "logto.") }

// columnNames are those of the columns, in order.
func (t exportTable) columnNames() []string {
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return names
}

// selectList are the columns as a query lists them.
func (t exportTable) selectList() string {
	var columns []string
	for _, c := range t.columns {
		columns = append(columns, pgx.Identifier{c.name}.Sanitize())
	}
	return strings.Join(columns, ", ")
}

// exportableTables returns the tables and views that may be exported.
func exportableTables(ctx context.Context, tx pgx.Tx, allColumns bool) ([]exportTable, error) {
	read := func(row pgx.CollectableRow) (t exportTable, err error) {
		var names, kinds []string
		err = row.Scan(&t.schema, &t.name, &names, &kinds)
		for i := range names {
			t.columns = append(t.columns, exportedColumn{names[i], kinds[i]})
		}
		return t, err
	}
	return pgquery.Rows(ctx, tx, "list the tables", read, exportableTablesQuery, allColumns)
}

// chosenTables returns the tables that were named, all of schema logto without names.
func (c *exportCmd) chosenTables(there []exportTable) ([]exportTable, error) {
	if len(c.Tables) == 0 {
		return slices.DeleteFunc(there, func(t exportTable) bool { return t.schema != "logto" }), nil
	}
	var out []exportTable
	for _, name := range c.Tables {
		i := slices.IndexFunc(there, func(t exportTable) bool {
			return t.schema+"."+t.name == name || t.schema == "logto" && t.name == name
		})
		if i < 0 {
			return nil, usageError{"there is no table " + name, "syncer psql -c '\\dt logto.*' lists them; others need their schema: logto_history.users"}
		}
		out = append(out, there[i])
	}
	return out, nil
}

// writeTableFile writes one file, which has its name only when it is whole.
func (c *exportCmd) writeTableFile(ctx context.Context, tx pgx.Tx, t exportTable, about manifest, path string) (rows int64, err error) {
	f, err := os.CreateTemp(c.Out, "."+filepath.Base(path)+".*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if rows, err = c.write(ctx, tx, t, about, f); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	if err = f.Close(); err != nil {
		return 0, err
	}
	return rows, os.Rename(f.Name(), path)
}

func (c *exportCmd) write(ctx context.Context, tx pgx.Tx, t exportTable, about manifest, w io.Writer) (rows int64, err error) {
	switch c.Format {
	case "parquet":
		return writeParquet(ctx, tx, t, t.fromWhereClause(c.Tenant), about, w)
	case "xlsx":
		return writeXLSX(ctx, tx, t, t.fromWhereClause(c.Tenant), w)
	}
	query := "copy (select " + t.selectList() + t.fromWhereClause(c.Tenant) + ") to stdout with (format csv, header)"
	tag, err := tx.Conn().PgConn().CopyTo(ctx, w, query)
	return tag.RowsAffected(), err
}

// writeXLSX writes a table as a sheet.
func writeXLSX(ctx context.Context, tx pgx.Tx, t exportTable, from string, w io.Writer) (int64, error) {
	out, err := report.NewRenderer("xlsx", w, 0)
	if err != nil {
		return 0, err
	}
	r := &report.Report{Name: t.name, File: t.name, SQL: "select " + t.selectList() + from}
	answer, err := report.Run(ctx, nestedTx{tx}, r, report.RunOptions{Wide: true}, out)
	return int64(answer.Rows), err
}

// nestedTx begins transactions within one: they see its snapshot.
type nestedTx struct{ pgx.Tx }

func (t nestedTx) BeginTx(ctx context.Context, _ pgx.TxOptions) (pgx.Tx, error) { return t.Begin(ctx) }

// fromWhereClause is the end of a query for the rows of the table; every table and view
// has the tenant in its first column.
func (t exportTable) fromWhereClause(tenant string) string {
	query := " from " + pgx.Identifier{t.schema, t.name}.Sanitize()
	if tenant != "" {
		query += " where tenant_id = '" + strings.ReplaceAll(tenant, "'", "''") + "'"
	}
	return query
}
