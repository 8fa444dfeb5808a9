package host_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"logto-syncer/bench/host"
	"logto-syncer/internal/postgres"
)

// started is a server of the test's own.
func started(t *testing.T) *postgres.Server {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bench-host-") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { // the server's account must get there
		t.Fatal(err)
	}
	server, err := postgres.Start(t.Context(), postgres.Options{Dir: filepath.Join(dir, "server"), Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return server
}

// A backend is about to end when a run has, which is when somebody counts.
func TestWhatABackendSpentIsNotLostAsItEnds(t *testing.T) {
	t.Parallel()
	server := started(t)
	for range 60 {
		conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "select count(md5(n::text)) from generate_series(1, 50000) n"); err != nil {
			t.Fatal(err)
		}
		spent := cpu(t, server)
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			now := cpu(t, server)
			if now < spent {
				t.Fatalf("%.2f s were spent, and %.2f s before the backend ended", now, spent)
			}
			spent = now
		}
	}
}

func cpu(t *testing.T, server *postgres.Server) float64 {
	t.Helper()
	s, err := host.CPU(server)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
