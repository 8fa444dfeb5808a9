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

// childProcessVariable makes the test binary a process that uses a server: its value
// is the directory, "-" for a throw-away server.
const childProcessVariable = "SYNCER_TEST_USES_SERVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childProcessVariable); dir != "" {
		runChildProcess(strings.TrimPrefix(dir, "-"))
		return
	}
	os.Exit(m.Run())
}

// runChildProcess starts or joins a server, prints its process id and its directory,
// and waits to be killed.
func runChildProcess(dir string) {
	srv, err := Start(context.Background(), Options{Dir: dir, Fast: true})
	if err != nil {
		fmt.Fprintln(os.Stdout, "error:", err)
		return
	}
	pid, err := srv.PID()
	fmt.Fprintln(os.Stdout, pid, srv.dir.path, err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A childProcess is one beside ours that uses a server.
type childProcess struct {
	cmd *exec.Cmd
	pid int    // of the server
	dir string // of the server
}

// startChildProcess starts one that uses the server of dir.
func startChildProcess(t *testing.T, dir string) childProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childProcessVariable+"="+dir)
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
	u := childProcess{cmd: cmd}
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, serr := fmt.Sscan(line, &u.pid, &u.dir); err != nil || serr != nil {
		t.Fatalf("the other process says %q (%v, %v)", line, err, serr)
	}
	return u
}

// kill ends the process as kill -9 does.
func (u childProcess) kill(t *testing.T) {
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
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return holds(), nil }); err != nil {
		t.Fatalf("wait until %s: %v", what, err)
	}
}

// newServerPath returns a path for a kept server, short enough for its socket and
// open to the server's user.
func newServerPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "syncer-test-") //nolint:usetesting // t.TempDir is too long for a socket, and not open to the server's user
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

// startServer starts a server that the test need not stop.
func startServer(t *testing.T, o Options) *Server {
	t.Helper()
	srv, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, srv) })
	return srv
}

func stopServer(t *testing.T, srv *Server) {
	t.Helper()
	if err := srv.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
