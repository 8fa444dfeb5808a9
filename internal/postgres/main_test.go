package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// userVariable makes the test binary a process that uses a server: its value
// is the directory, "-" for a throw-away server.
const userVariable = "SYNCER_TEST_USES_SERVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(userVariable); dir != "" {
		useServer(strings.TrimPrefix(dir, "-"))
		return
	}
	os.Exit(m.Run())
}

// useServer starts or joins a server, prints its process id and its directory,
// and waits to be killed.
func useServer(dir string) {
	srv, err := Start(context.Background(), Options{Dir: dir, Fast: true})
	if err != nil {
		fmt.Fprintln(os.Stdout, "error:", err)
		return
	}
	pid, err := srv.PID()
	fmt.Fprintln(os.Stdout, pid, srv.home.dir, err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A process is one beside ours that uses a server.
type process struct {
	cmd *exec.Cmd
	pid int    // of the server
	dir string // of the server
}

// newProcess starts one that uses the server of dir.
func newProcess(t *testing.T, dir string) process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), userVariable+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u := process{cmd: cmd}
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, serr := fmt.Sscan(line, &u.pid, &u.dir); err != nil || serr != nil {
		t.Fatalf("the other process says %q (%v, %v)", line, err, serr)
	}
	return u
}

// kill ends the process as kill -9 does.
func (u process) kill(t *testing.T) {
	t.Helper()
	if err := u.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = u.cmd.Wait() // "signal: killed", as we asked
}

// eventually waits until a condition holds, which something other than this
// process brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return holds(), nil }); err != nil {
		t.Fatalf("wait until %s: %v", what, err)
	}
}

// serverDir returns a path for a kept server, short enough for its socket and
// open to the server's account.
func serverDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "syncer-test-") //nolint:usetesting // t.TempDir is too long for a socket, and not open to the server's account
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir + "/server"
}

// begin starts a server that the test need not stop.
func begin(t *testing.T, o Options) *Server {
	t.Helper()
	srv, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, srv) })
	return srv
}

func end(t *testing.T, srv *Server) {
	t.Helper()
	if err := srv.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
