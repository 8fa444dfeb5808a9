package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestATemporaryServerLeavesNoFilesWhenStopped(t *testing.T) {
	t.Parallel()
	srv := startServer(t, Options{})
	if got := query(t, srv, "show fsync"); got != "off" {
		t.Errorf("fsync = %s, want off", got)
	}
	stopServer(t, srv)
	if fileExists(srv.dir.path) {
		t.Errorf("%s is still there", srv.dir.path)
	}
}

func TestATemporaryServerLeavesNoFilesWhenItsProcessIsKilled(t *testing.T) {
	t.Parallel()
	u := startChildProcess(t, "-")
	if !fileExists(u.dir) || !processExists(u.pid) {
		t.Fatalf("server %d in %s does not run", u.pid, u.dir)
	}
	u.kill(t)
	eventually(t, "its directory is gone", func() bool { return !fileExists(u.dir) })
	eventually(t, "the server is gone", func() bool { return !processExists(u.pid) })
}

func TestAPersistentServerKeepsItsData(t *testing.T) {
	t.Parallel()
	o := Options{Dir: newServerPath(t)}
	srv := startServer(t, o)
	if got := query(t, srv, "show fsync"); got != "on" {
		t.Errorf("fsync = %s, want on", got)
	}
	query(t, srv, "create table t as select 1; select ''")
	stopServer(t, srv)
	if !isSupervisorGone(t, srv) {
		t.Error("the server runs after its last process has stopped it")
	}
	if got := query(t, startServer(t, o), "select count(*)::text from t"); got != "1" {
		t.Errorf("rows = %s, want 1", got)
	}
}

func TestAPersistentServerKeepsRunningForOtherProcessesWhenTheOneThatStartedIt(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]func(*testing.T, string) (int, func()){
		"stops": func(t *testing.T, dir string) (int, func()) {
			srv := startServer(t, Options{Dir: dir, Fast: true})
			pid, err := srv.PID()
			if err != nil {
				t.Fatal(err)
			}
			return pid, func() { stopServer(t, srv) }
		},
		"is killed": func(t *testing.T, dir string) (int, func()) {
			u := startChildProcess(t, dir)
			return u.pid, func() { u.kill(t) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newServerPath(t)
			pid, leave := begun(t, dir)
			srv := startServer(t, Options{Dir: dir})
			conn := connect(t, srv)
			leave()
			if got, err := srv.PID(); got != pid || err != nil {
				t.Errorf("server = %d, %v, want still %d", got, err, pid)
			}
			if err := conn.Ping(t.Context()); err != nil {
				t.Errorf("the connection broke: %v", err)
			}
			stopServer(t, srv)
			if processExists(pid) {
				t.Errorf("server %d runs after its last process has ended", pid)
			}
		})
	}
}

func TestAPersistentServerStopsWhenItsLastProcessIsKilled(t *testing.T) {
	t.Parallel()
	dir := newServerPath(t)
	u := startChildProcess(t, dir)
	u.kill(t)
	eventually(t, "the server is gone", func() bool { return !processExists(u.pid) })
	query(t, startServer(t, Options{Dir: dir, Fast: true}), "select ''")
}

func TestProcessesThatStartAndStopConcurrentlyAllFindAServer(t *testing.T) {
	t.Parallel()
	o := Options{Dir: newServerPath(t), Fast: true}
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for range 3 {
				srv, err := Start(t.Context(), o)
				if err != nil {
					t.Error(err)
					return
				}
				if err := srv.ping(t.Context()); err != nil {
					t.Error(err)
				}
				if err := srv.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
	if pid, err := readPID(filepath.Join(o.Dir, "data", "postmaster.pid")); err == nil {
		t.Errorf("server %d runs after its last process has ended", pid)
	}
}

func TestNoProcessStartsOrStopsAServerWhileAnotherDoes(t *testing.T) {
	t.Parallel()
	o := Options{Dir: newServerPath(t), Fast: true}
	srv := startServer(t, o)
	turn, err := srv.dir.lockStartStop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Close()
	impatient, cancel := context.WithCancel(t.Context())
	cancel() // what need not wait is done nevertheless
	for what, err := range map[string]error{
		"start": errorOf(Start(impatient, o)),
		"stop":  srv.Stop(impatient),
	} {
		if err == nil || !strings.Contains(err.Error(), "wait for "+turn.Name()) {
			t.Errorf("%s: error = %v, want it to wait for %s", what, err, turn.Name())
		}
	}
	eventually(t, "the server, left all the same, is gone", func() bool { return isSupervisorGone(t, srv) })
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"the directory has other files":             {map[string]string{"letter.txt": "Dear"}, "has other files in it"},
		"the data is of a version that is not here": {map[string]string{"lock": "", "data/PG_VERSION": "7\n"}, "written by PostgreSQL 7"},
		"the data is damaged":                       {map[string]string{"lock": "", "data/PG_VERSION": installedVersion(t)}, "the server ended at once: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newServerPath(t)
			acc, err := serverUser()
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range tc.files {
				writeFileAs(t, acc, filepath.Join(dir, file), text)
			}
			srv, err := Start(t.Context(), Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("server = %v, error = %v, want one with %q", srv, err, tc.want)
			}
		})
	}
}

func TestAStartThatIsCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := newServerPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	srv := startServer(t, Options{Dir: dir, Fast: true}) // not hindered by what the first left
	query(t, srv, "select ''")
}

func TestAServerWhoseDirectoryHasALongPathHasItsSocketElsewhere(t *testing.T) {
	t.Parallel()
	long := filepath.Join(newServerPath(t), strings.Repeat("long", 30))
	srv := startServer(t, Options{Dir: long, Fast: true})
	t.Cleanup(func() { os.RemoveAll(srv.dir.socketDir) })
	query(t, srv, "select ''")
}

func errorOf(_ *Server, err error) error { return err }

// connect returns a connection that ends with the test.
func connect(t *testing.T, srv *Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), srv.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// query returns the one text that the last of the statements selects.
func query(t *testing.T, srv *Server, statements string) string {
	t.Helper()
	results, err := connect(t, srv).PgConn().Exec(t.Context(), statements).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return string(results[len(results)-1].Rows[0][0])
}

func isSupervisorGone(t *testing.T, srv *Server) bool {
	t.Helper()
	gone, err := srv.dir.supervisorGone()
	if err != nil {
		t.Fatal(err)
	}
	return gone
}

func sendSignal(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("send %s to %d: %v", sig, pid, err)
	}
}

func processExists(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// installedVersion is the major version of the server binaries here.
func installedVersion(t *testing.T) string {
	t.Helper()
	bindir, err := FindBinaries()
	if err != nil {
		t.Fatal(err)
	}
	major, err := binariesMajorVersion(t.Context(), bindir)
	if err != nil {
		t.Fatal(err)
	}
	return major
}

// writeFileAs makes a file of the account's, and the directories it needs.
func writeFileAs(t *testing.T, acc osUser, file, text string) {
	t.Helper()
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(acc.chown(dir), acc.chown(file)); err != nil {
		t.Fatal(err)
	}
}
