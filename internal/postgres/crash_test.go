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

func TestAServerStartsAlthoughItsPredecessor(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*testing.T, *Server){
		"was killed": func(t *testing.T, srv *Server) {
			pid, err := srv.PID()
			if err != nil {
				t.Fatal(err)
			}
			sendSignal(t, pid, syscall.SIGKILL)
		},
		"left the process id of another process": func(t *testing.T, srv *Server) {
			stopServer(t, srv)
			other := exec.CommandContext(t.Context(), "cat")
			other.SysProcAttr = srv.dir.user.sysProcAttr()
			if _, err := other.StdinPipe(); err != nil {
				t.Fatal(err)
			}
			if err := other.Start(); err != nil {
				t.Fatal(err)
			}
			text := strconv.Itoa(other.Process.Pid) + "\n" + srv.dir.dataDir() + "\n1\n5432\n" + srv.dir.socketDir + "\n"
			for _, file := range []string{srv.dir.pidFile(), filepath.Join(srv.dir.socketDir, ".s.PGSQL.5432.lock")} {
				writeFileAs(t, srv.dir.user, file, text)
			}
		},
		"runs without a supervisor": func(t *testing.T, srv *Server) {
			stopServer(t, srv)
			args := append([]string{"-D", srv.dir.dataDir()}, serverSettings(Options{Dir: "x", Fast: true}, srv.dir.socketDir)...)
			orphan := exec.CommandContext(t.Context(), filepath.Join(srv.binDir, "postgres"), args...)
			orphan.SysProcAttr = srv.dir.user.sysProcAttr()
			orphan.Dir = srv.dir.path
			if err := orphan.Start(); err != nil {
				t.Fatal(err)
			}
			go func() { _ = orphan.Wait() }() // or it would stay a zombie
			eventually(t, "it listens", func() bool { return srv.ping(t.Context()) == nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Dir: newServerPath(t), Fast: true}
			srv := startServer(t, o)
			query(t, srv, "create table t as select 1; select ''")
			leave(t, srv)
			stopServer(t, srv)
			again := startServer(t, o)
			if got := query(t, again, "select count(*)::text from t"); got != "1" {
				t.Errorf("rows = %s, want 1", got)
			}
			stopServer(t, again)
			if again.dir.isListening(t.Context()) {
				t.Error("a server runs after its last process has ended")
			}
		})
	}
}

func TestAStartWaitsForTheProcessesOfAKilledServer(t *testing.T) {
	t.Parallel()
	o := Options{Dir: newServerPath(t), Fast: true}
	srv := startServer(t, o)
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
	sendSignal(t, backend, syscall.SIGSTOP)
	t.Cleanup(func() { _ = syscall.Kill(backend, syscall.SIGCONT) })
	sendSignal(t, postmaster, syscall.SIGKILL)
	stopServer(t, srv)

	started := make(chan error, 1)
	var again *Server
	go func() {
		var err error
		again, err = Start(t.Context(), o)
		started <- err
	}()
	eventually(t, "the start finds the old server's shared memory", func() bool {
		text, err := os.ReadFile(filepath.Join(srv.dir.path, "log"))
		return err == nil && strings.Contains(string(text), "pre-existing shared memory block")
	})
	sendSignal(t, backend, syscall.SIGCONT)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	stopServer(t, again)
}
