package world_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A ProxyOrPooler is a running proxy or pooler.
type ProxyOrPooler struct {
	// Addr is where it listens: 127.0.0.1 and a port.
	Addr string
	// Dir holds its configuration and its logs.
	Dir string

	cmd   *exec.Cmd
	stdin io.Closer
}

// guard runs a command until that ends or standard input does. So a server ends
// with the test binary, however that ends.
const guard = `exec 3<&0; "$@" 3<&- & child=$!; { read -r _ <&3; kill "$child"; } & wait "$child"`

// newProxy makes the directory of a server that is going to listen on a free port.
func newProxy() (*ProxyOrPooler, error) {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // servers give up root and still read it
		return nil, err
	}
	addr, err := freeAddr()
	return &ProxyOrPooler{Addr: addr, Dir: dir}, err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// path returns the path of a file of the server.
func (s *ProxyOrPooler) path(name string) string { return filepath.Join(s.Dir, name) }

// write writes a file of the server.
func (s *ProxyOrPooler) write(name, text string) error {
	return os.WriteFile(s.path(name), []byte(text), 0o644)
}

// start runs the server's program and waits until it accepts connections.
func (s *ProxyOrPooler) start(ctx context.Context, program string, args ...string) (err error) {
	file, err := findServerBinary(program)
	if err != nil {
		return err
	}
	output, err := os.Create(s.path("output"))
	if err != nil {
		return err
	}
	defer output.Close()
	s.cmd = exec.Command("sh", append([]string{"-c", guard, "sh", file}, args...)...) // ends with its standard input
	s.cmd.Stdout, s.cmd.Stderr = output, output
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	if err := s.await(ctx); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w:%s", program, err, s.allLogs()), s.Close())
	}
	return nil
}

// allLogs is what the server wrote until now.
func (s *ProxyOrPooler) allLogs() string {
	var all strings.Builder
	files, _ := filepath.Glob(s.path("*.log")) // the pattern is good
	for _, file := range append(files, s.path("output")) {
		text, _ := os.ReadFile(file) // one that is not there has no text
		fmt.Fprintf(&all, "\n%s:\n%s", filepath.Base(file), text)
	}
	return all.String()
}

// findServerBinary finds a program where packages put servers, whatever PATH says.
func findServerBinary(program string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is missing: run scripts/need %s", program, program)
	}
	return path, nil
}

// await waits until somebody accepts connections at Addr.
func (s *ProxyOrPooler) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// Close ends the server and removes its files. It may be called again.
func (s *ProxyOrPooler) Close() error {
	if s.cmd == nil {
		return nil
	}
	err := s.stdin.Close()
	_ = s.cmd.Wait() // ended by a signal, which is no error here
	s.cmd = nil
	return errors.Join(err, os.RemoveAll(s.Dir))
}

// Log returns what a log file of the server has by now.
func (s *ProxyOrPooler) Log(name string) (string, error) {
	text, err := os.ReadFile(s.path(name))
	return string(text), err
}

// packagedConfig reads a configuration as its package installed it and replaces what
// has to differ here. Each old text has to be there: a package that changed is
// looked at again.
func packagedConfig(file string, replace ...string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the packaged configuration: %w", err)
	}
	text := string(data)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			return "", fmt.Errorf("%s does not contain %q", file, replace[i])
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	return text, nil
}
