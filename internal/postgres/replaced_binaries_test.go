package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/postgres"
	"logto-syncer/internal/postgres/pgtest"
)

// A package manager installs a minor upgrade in a directory of its own, points
// the link to the binaries at it and deletes the old one. The server that runs
// then cannot load PL/pgSQL any more.
func TestAServerWhoseBinariesWereReplacedIsRestarted(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]func(*testing.T, *postgres.Server, postgres.Options){
		"by the process that uses it": func(t *testing.T, srv *postgres.Server, _ postgres.Options) {
			if restarted, err := srv.RestartIfBinariesBroken(t.Context()); err != nil || !restarted {
				t.Fatalf("restarted = %v, error = %v", restarted, err)
			}
		},
		"by a process that joins": func(t *testing.T, _ *postgres.Server, o postgres.Options) { begin(t, o) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			installed := pgtest.CopyInstallation(t)
			o := postgres.Options{Dir: installed.ServerDir(), Fast: true, BinDir: installed.BinDir()}
			srv := begin(t, o)
			for _, statements := range []string{"create table t as select 1", "begin; insert into t values (2)"} {
				if _, err := connect(t, srv).Exec(t.Context(), statements); err != nil {
					t.Fatal(err)
				}
			}
			installed.SimulateUpgrade()
			if pg, ok := errors.AsType[*pgconn.PgError](runPLpgSQL(t, srv)); !ok || pg.Code != "58P01" {
				t.Fatalf("after the upgrade PL/pgSQL ends with %v, want SQLSTATE 58P01", pg)
			}
			restart(t, srv, o)
			if err := runPLpgSQL(t, srv); err != nil {
				t.Errorf("after the restart: %v", err)
			}
			var rows int
			if err := connect(t, srv).QueryRow(t.Context(), "select count(*) from t").Scan(&rows); err != nil || rows != 1 {
				t.Errorf("rows = %d, %v, want 1: the committed one", rows, err)
			}
			if restarted, err := srv.RestartIfBinariesBroken(t.Context()); err != nil || restarted {
				t.Errorf("restarted once more = %v, error = %v", restarted, err)
			}
		})
	}
}

func TestAServerThatStillWorksIsNotRestarted(t *testing.T) {
	t.Parallel()
	installed := pgtest.CopyInstallation(t)
	o := postgres.Options{Dir: installed.ServerDir(), Fast: true, BinDir: installed.BinDir()}
	srv := begin(t, o)
	pid, err := srv.PID()
	if err != nil {
		t.Fatal(err)
	}
	tomorrow := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(filepath.Join(installed.BinDir(), "postgres"), tomorrow, tomorrow); err != nil {
		t.Fatal(err)
	}
	if restarted, err := srv.RestartIfBinariesBroken(t.Context()); err != nil || restarted {
		t.Errorf("restarted = %v, error = %v", restarted, err)
	}
	if now, err := begin(t, o).PID(); now != pid || err != nil {
		t.Errorf("process = %d, %v, want still %d", now, err, pid)
	}
}

func runPLpgSQL(t *testing.T, srv *postgres.Server) error {
	t.Helper()
	_, err := connect(t, srv).Exec(t.Context(), "do $$ begin null; end $$")
	return err
}

// begin starts a server, or joins the one that runs, until the test ends.
func begin(t *testing.T, o postgres.Options) *postgres.Server {
	t.Helper()
	srv, err := postgres.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return srv
}

// connect returns a connection that ends with the test.
func connect(t *testing.T, srv *postgres.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), srv.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
