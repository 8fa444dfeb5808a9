package postgres

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestAServerStartsThoughItsLastOne(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*testing.T, *Server){
		"was killed": func(t *testing.T, srv *Server) {
			pid, err := srv.PID()
			if err != nil {
				t.Fatal(err)
			}
			signal(t, pid, syscall.SIGKILL)
		},
		"left a process id that is another's now": func(t *testing.T, srv *Server) {
			end(t, srv)
			other := exec.CommandContext(t.Context(), "cat")
			other.SysProcAttr = srv.home.account.process()
			if _, err := other.StdinPipe(); err != nil {
				t.Fatal(err)
			}
			if err := other.Start(); err != nil {
				t.Fatal(err)
			}
			text := strconv.Itoa(other.Process.Pid) + "\n" + srv.home.data() + "\n1\n5432\n" + srv.home.sockets + "\n"
			for _, file := range []string{srv.home.pidFile(), filepath.Join(srv.home.sockets, ".s.PGSQL.5432.lock")} {
				write(t, srv.home.account, file, text)
			}
		},
		"lost its keeper and runs on": func(t *testing.T, srv *Server) {
			end(t, srv)
			args := append([]string{"-D", srv.home.data()}, settings(Options{Dir: "x", Fast: true}, srv.home.sockets)...)
			orphan := exec.CommandContext(t.Context(), filepath.Join(srv.bindir, "postgres"), args...)
			orphan.SysProcAttr = srv.home.account.process()
			orphan.Dir = srv.home.dir
			if err := orphan.Start(); err != nil {
				t.Fatal(err)
			}
			go func() { _ = orphan.Wait() }() // or it would stay a zombie
			eventually(t, "it listens", func() bool { return srv.ping(t.Context()) == nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Dir: serverDir(t), Fast: true}
			srv := begin(t, o)
			query(t, srv, "create table t as select 1; select ''")
			leave(t, srv)
			end(t, srv)
			again := begin(t, o)
			if got := query(t, again, "select count(*)::text from t"); got != "1" {
				t.Errorf("rows = %s, want 1", got)
			}
			end(t, again)
			if again.home.listening(t.Context()) {
				t.Error("a server runs after its last user has gone")
			}
		})
	}
}

func TestAStartWaitsForWhatAKilledServerHasLeftRunning(t *testing.T) {
	t.Parallel()
	o := Options{Dir: serverDir(t), Fast: true}
	srv := begin(t, o)
	backend, err := strconv.Atoi(query(t, srv, "select pg_backend_pid()::text"))
	if err != nil {
		t.Fatal(err)
	}
	postmaster, err := srv.PID()
	if err != nil {
		t.Fatal(err)
	}
	// A stopped process does not see that the postmaster is gone, and keeps
	// the shared memory.
	signal(t, backend, syscall.SIGSTOP)
	t.Cleanup(func() { _ = syscall.Kill(backend, syscall.SIGCONT) })
	signal(t, postmaster, syscall.SIGKILL)
	end(t, srv)

	started := make(chan error, 1)
	var again *Server
	go func() {
		var err error
		again, err = Start(t.Context(), o)
		started <- err
	}()
	eventually(t, "the start finds the old server's shared memory", func() bool {
		text, err := os.ReadFile(filepath.Join(srv.home.dir, "log"))
		return err == nil && strings.Contains(string(text), "pre-existing shared memory block")
	})
	signal(t, backend, syscall.SIGCONT)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	end(t, again)
}
