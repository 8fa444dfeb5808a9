package main

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/report"
)

// A manifest is the file export.json beside the exported files: when they were
// written, as of when the mirror is, and what is proved of it.
type manifest struct {
	Syncer      string            `json:"syncer"` // version
	ExportedAt  time.Time         `json:"exported_at"`
	Format      string            `json:"format"`
	Tenants     []string          `json:"tenants"`
	Files       []manifestFile    `json:"files"`
	NotExported []manifestFile    `json:"not_exported"` // nothing is known of them
	Listings    []manifestListing `json:"listings"`
}

type manifestFile struct {
	Table   string          `json:"table"`
	File    string          `json:"file,omitempty"`
	Rows    int64           `json:"rows"`
	Columns []string        `json:"columns"`
	Notes   []report.Notice `json:"notes"` // what it does not say
}

// A manifestListing is a row of report.freshness.
type manifestListing struct {
	Tenant       string     `json:"tenant" db:"tenant_id"`
	Listing      string     `json:"listing" db:"listing"`
	Tables       []string   `json:"tables" db:"table_names"`
	State        string     `json:"state" db:"state"`
	Reason       *string    `json:"reason" db:"reason"`
	ReadAt       *time.Time `json:"read_at" db:"read_at"`
	LastProvedAt *time.Time `json:"last_proved_at" db:"last_proved_at"`
}

// readListingStates returns the state of every listing, and the moment of the
// snapshot.
func readListingStates(ctx context.Context, tx pgx.Tx, tenants []string) (all []manifestListing, at time.Time, err error) {
	if at, err = pgquery.Value[time.Time](ctx, tx, "begin the export", "select now()"); err != nil {
		return nil, at, err
	}
	const sql = `select tenant_id::text, listing, table_names, state, reason, read_at, last_proved_at
		from report.freshness where tenant_id = any($1) order by tenant_id, listing`
	all, err = pgquery.Rows(ctx, tx, "read what is proved", pgx.RowToStructByName[manifestListing], sql, tenants)
	return all, at.UTC(), err
}

// restrictedToTable is what the manifest says of one table: its listing, or for a view all of
// them. The rows are not counted yet.
func (m manifest) restrictedToTable(t exportTable, file manifestFile) manifest {
	m.Files, m.NotExported = []manifestFile{file}, nil
	if t.schema != "report" {
		m.Listings = slices.DeleteFunc(slices.Clone(m.Listings), func(l manifestListing) bool { return !slices.Contains(l.Tables, t.name) })
	}
	return m
}

// isMirrored reports whether anything is known of a table: of a view, always.
func (m manifest) isMirrored(t exportTable) bool {
	if t.schema == "report" {
		return true
	}
	mirrored := false
	for _, l := range m.Listings {
		if slices.Contains(l.Tables, t.name) {
			mirrored = mirrored || l.LastProvedAt != nil || l.State == "not proved"
		}
	}
	return mirrored
}

func (m manifest) write(path string) error {
	m.Files = append([]manifestFile{}, m.Files...) // a list in JSON, too
	m.NotExported = append([]manifestFile{}, m.NotExported...)
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}
