package postgres

import (
	"context"
	_ "embed" // for select_load_statements.sql
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/pgquery"
)

//go:embed select_load_statements.sql
var selectLoadStatements string

// RestartIfBinariesBroken restarts the server if its binaries were replaced while it ran
// and it cannot load its libraries any more. Transactions that are open then are
// rolled back, committed ones are kept; connections must be opened again. A
// server that still works is left alone: it starts with the new binaries after
// its last use. RestartIfBinariesBroken reports whether it restarted the server.
func (s *Server) RestartIfBinariesBroken(ctx context.Context) (restarted bool, err error) {
	if !s.dir.binariesReplaced() {
		return false, nil
	}
	startStopLock, err := s.dir.lockStartStop(ctx)
	if err != nil {
		return false, err
	}
	defer startStopLock.Close()
	restarted, err = s.restartIfBinariesBrokenLocked(ctx)
	if err != nil {
		return false, fmt.Errorf("restart PostgreSQL: %w", err)
	}
	return restarted, nil
}

// restartIfBinariesBrokenLocked is RestartIfBinariesBroken with the start-stop lock held.
func (s *Server) restartIfBinariesBrokenLocked(ctx context.Context) (restarted bool, err error) {
	if !s.dir.binariesReplaced() || s.canLoadLibraries(ctx) {
		return false, nil
	}
	binDir, err := s.options.findBinaries(ctx, s.dir.dataVersion())
	if err != nil {
		return false, err
	}
	oldPID, err := s.PID()
	if err != nil {
		return false, err
	}
	if err := s.dir.writeFile("restart-with", binDir); err != nil {
		return false, err
	}
	if err := syscall.Kill(oldPID, syscall.SIGINT); err != nil {
		return false, fmt.Errorf("stop process %d: %w", oldPID, err)
	}
	err = poll(ctx, func() (bool, error) {
		if gone, err := s.dir.supervisorGone(); gone || err != nil {
			return false, errors.Join(err, errors.New("the server ended: see its log in "+s.dir.path))
		}
		pid, err := s.PID()
		return err == nil && pid != oldPID && s.ping(ctx) == nil, nil
	})
	if err != nil {
		return false, err
	}
	return true, s.dir.recordBinaries(binDir)
}

// canLoadLibraries reports whether new sessions can load the libraries of the
// functions in each database.
func (s *Server) canLoadLibraries(ctx context.Context) bool {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	databases, err := pgquery.Column[string](ctx, conn, "list the databases", "select datname from pg_database where datallowconn and not datistemplate")
	for _, name := range databases {
		err = errors.Join(err, s.tryLoadLibraries(ctx, name))
	}
	return err == nil
}

func (s *Server) tryLoadLibraries(ctx context.Context, database string) error {
	conn, err := pgconn.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, selectLoadStatements).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range results[0].Rows {
		if _, err := conn.Exec(ctx, string(row[0])).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// recordBinaries records which binaries the server runs, for binariesReplaced.
func (d serverDir) recordBinaries(binDir string) error {
	return d.writeFile("binaries", binDir+"\n"+binariesIdentity(binDir))
}

// binariesReplaced reports whether the recorded binaries have changed.
func (d serverDir) binariesReplaced() bool {
	recorded, err := os.ReadFile(filepath.Join(d.path, "binaries"))
	if err != nil {
		return true
	}
	binDir, identity, _ := strings.Cut(string(recorded), "\n")
	return identity != binariesIdentity(binDir)
}

// binariesIdentity identifies the installed server program by path, size and
// time; empty: it is not installed.
func binariesIdentity(binDir string) string {
	program, err := filepath.EvalSymlinks(filepath.Join(binDir, "postgres"))
	if err != nil {
		return ""
	}
	info, err := os.Stat(program)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %s", program, info.Size(), info.ModTime().UTC())
}

// writeFile replaces a file of the directory.
func (d serverDir) writeFile(name, text string) error {
	f, err := d.openFile(name, os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
