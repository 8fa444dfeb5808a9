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

func TestAThrowAwayServerLeavesNothingWhenStopped(t *testing.T) {
	t.Parallel()
	srv := begin(t, Options{})
	if got := query(t, srv, "show fsync"); got != "off" {
		t.Errorf("fsync = %s, want off", got)
	}
	end(t, srv)
	if exists(srv.home.dir) {
		t.Errorf("%s is still there", srv.home.dir)
	}
}

func TestAThrowAwayServerLeavesNothingWhenItsProcessIsKilled(t *testing.T) {
	t.Parallel()
	u := newProcess(t, "-")
	if !exists(u.dir) || !running(u.pid) {
		t.Fatalf("server %d in %s does not run", u.pid, u.dir)
	}
	u.kill(t)
	eventually(t, "its directory is gone", func() bool { return !exists(u.dir) })
	eventually(t, "the server is gone", func() bool { return !running(u.pid) })
}

func TestAKeptServerKeepsItsData(t *testing.T) {
	t.Parallel()
	o := Options{Dir: serverDir(t)}
	srv := begin(t, o)
	if got := query(t, srv, "show fsync"); got != "on" {
		t.Errorf("fsync = %s, want on", got)
	}
	query(t, srv, "create table t as select 1; select ''")
	end(t, srv)
	if !mustGone(t, srv) {
		t.Error("the server runs after its last user has stopped it")
	}
	if got := query(t, begin(t, o), "select count(*)::text from t"); got != "1" {
		t.Errorf("rows = %s, want 1", got)
	}
}

func TestAKeptServerStaysForItsOtherUsersWhenTheOneThatStartedIt(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]func(*testing.T, string) (int, func()){
		"stops": func(t *testing.T, dir string) (int, func()) {
			srv := begin(t, Options{Dir: dir, Fast: true})
			pid, err := srv.PID()
			if err != nil {
				t.Fatal(err)
			}
			return pid, func() { end(t, srv) }
		},
		"is killed": func(t *testing.T, dir string) (int, func()) {
			u := newProcess(t, dir)
			return u.pid, func() { u.kill(t) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := serverDir(t)
			pid, leave := begun(t, dir)
			srv := begin(t, Options{Dir: dir})
			conn := connect(t, srv)
			leave()
			if got, err := srv.PID(); got != pid || err != nil {
				t.Errorf("server = %d, %v, want still %d", got, err, pid)
			}
			if err := conn.Ping(t.Context()); err != nil {
				t.Errorf("the connection broke: %v", err)
			}
			end(t, srv)
			if running(pid) {
				t.Errorf("server %d runs after its last user has gone", pid)
			}
		})
	}
}

func TestAKeptServerGoesWithItsLastUserWhenThatIsKilled(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	u := newProcess(t, dir)
	u.kill(t)
	eventually(t, "the server is gone", func() bool { return !running(u.pid) })
	query(t, begin(t, Options{Dir: dir, Fast: true}), "select ''")
}

func TestUsersThatComeAndGoAtOnceAllFindAServer(t *testing.T) {
	t.Parallel()
	o := Options{Dir: serverDir(t), Fast: true}
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
		t.Errorf("server %d runs after its last user has gone", pid)
	}
}

func TestNobodyStartsOrStopsAServerWhileAnotherDoes(t *testing.T) {
	t.Parallel()
	o := Options{Dir: serverDir(t), Fast: true}
	srv := begin(t, o)
	turn, err := srv.home.takeTurn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Close()
	impatient, cancel := context.WithCancel(t.Context())
	cancel() // what need not wait is done nevertheless
	for what, err := range map[string]error{
		"start": second(Start(impatient, o)),
		"stop":  srv.Stop(impatient),
	} {
		if err == nil || !strings.Contains(err.Error(), "wait for "+turn.Name()) {
			t.Errorf("%s: error = %v, want it to wait for %s", what, err, turn.Name())
		}
	}
	eventually(t, "the server, left all the same, is gone", func() bool { return mustGone(t, srv) })
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"the directory is somebody else's":          {map[string]string{"letter.txt": "Dear"}, "has other things in it"},
		"the data is of a version that is not here": {map[string]string{"lock": "", "data/PG_VERSION": "7\n"}, "written by PostgreSQL 7"},
		"the data is damaged":                       {map[string]string{"lock": "", "data/PG_VERSION": installed(t)}, "the server ended at once: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := serverDir(t)
			acc, err := serverAccount()
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range tc.files {
				write(t, acc, filepath.Join(dir, file), text)
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
	dir := serverDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	srv := begin(t, Options{Dir: dir, Fast: true}) // not hindered by what the first left
	query(t, srv, "select ''")
}

func TestAServerWhoseDirectoryHasALongPathHasItsSocketElsewhere(t *testing.T) {
	t.Parallel()
	long := filepath.Join(serverDir(t), strings.Repeat("long", 30))
	srv := begin(t, Options{Dir: long, Fast: true})
	t.Cleanup(func() { os.RemoveAll(srv.home.sockets) })
	query(t, srv, "select ''")
}

func second(_ *Server, err error) error { return err }

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

func mustGone(t *testing.T, srv *Server) bool {
	t.Helper()
	gone, err := srv.home.gone()
	if err != nil {
		t.Fatal(err)
	}
	return gone
}

func signal(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("send %s to %d: %v", sig, pid, err)
	}
}

func running(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// installed is the major version of the server binaries here.
func installed(t *testing.T) string {
	t.Helper()
	bindir, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	major, err := majorOf(t.Context(), bindir)
	if err != nil {
		t.Fatal(err)
	}
	return major
}

// write makes a file of the account's, and the directories it needs.
func write(t *testing.T, acc account, file, text string) {
	t.Helper()
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(acc.own(dir), acc.own(file)); err != nil {
		t.Fatal(err)
	}
}
