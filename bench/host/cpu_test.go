package host_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"logto-syncer/bench/host"
)

// A backend is about to end when a run has ended, which is when its time is read.
func TestTheTimeOfABackendIsNotLostWhenItEnds(t *testing.T) {
	t.Parallel()
	server, err := host.StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	cpu := func() float64 {
		t.Helper()
		seconds, err := host.ServerCPUTime(server.Server)
		if err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	for range 60 {
		conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "select count(md5(n::text)) from generate_series(1, 50000) n"); err != nil {
			t.Fatal(err)
		}
		used := cpu()
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			now := cpu()
			if now < used {
				t.Fatalf("%.2f s were used, and %.2f s before the backend ended", now, used)
			}
			used = now
		}
	}
}
