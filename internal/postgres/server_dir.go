package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxSocketDirLength is how long the path of a socket's directory may be: macOS ends
// the path of a socket at 104 bytes with its final zero.
const maxSocketDirLength = 103 - len("/.s.PGSQL.5432")

// fallbackRoot is where root's servers go whose directory the account they
// run as cannot reach, such as one below /root.
const fallbackRoot = "/var/lib/logto-syncer"

// A serverDir is the directory of a server.
type serverDir struct {
	path      string // absolute, without symbolic links
	socketDir string // where the socket is: dir, unless its path is too long
	user      osUser
}

func (h serverDir) dataDir() string  { return filepath.Join(h.path, "data") }
func (h serverDir) pidFile() string  { return filepath.Join(h.dataDir(), "postmaster.pid") }
func (h serverDir) pipePath() string { return filepath.Join(h.path, "alive") }

// newTemporaryDir makes the home of a throw-away server. It is in /tmp whatever
// TMPDIR says, for a socket's path is short.
func newTemporaryDir() (serverDir, error) {
	acc, err := serverUser()
	if err != nil {
		return serverDir{}, err
	}
	dir, err := os.MkdirTemp("/tmp", "syncer-postgres-")
	if err != nil {
		return serverDir{}, err
	}
	return serverDir{path: dir, socketDir: dir, user: acc}, acc.chown(dir)
}

// openServerDir finds or makes the home of a kept server.
func openServerDir(dir string) (serverDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return serverDir{}, err
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return createServerDir(dir, fallbackRoot)
	case err != nil:
		return serverDir{}, err
	case len(entries) > 0 && !fileExists(filepath.Join(dir, "lock")):
		return serverDir{}, fmt.Errorf("%s has other things in it: want a directory that is missing or empty", dir)
	}
	acc, err := directoryOwner(dir)
	if err != nil {
		return serverDir{}, err
	}
	if len(entries) == 0 {
		return initServerDir(dir, acc)
	}
	return resolveServerDir(dir, acc)
}

// createServerDir makes a home that is not there. Where the server's account cannot
// get to it, the home is made in fallback, and dir a symbolic link to it.
func createServerDir(dir, fallback string) (serverDir, error) {
	acc, err := serverUser()
	if err != nil {
		return serverDir{}, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return serverDir{}, err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return serverDir{}, err
	}
	if !acc.canReach(parent) {
		target := filepath.Join(fallback, filepath.Base(parent)+"-"+pathDigest(dir))
		if err := os.MkdirAll(target, 0o755); err != nil {
			return serverDir{}, err
		}
		if err := os.Symlink(target, dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return serverDir{}, err
		}
	}
	return initServerDir(dir, acc)
}

// initServerDir makes an empty or missing directory a home.
func initServerDir(dir string, acc osUser) (serverDir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return serverDir{}, err
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return serverDir{}, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return serverDir{}, err
	}
	if err := acc.chown(dir); err != nil {
		return serverDir{}, err
	}
	return resolveServerDir(dir, acc)
}

func resolveServerDir(dir string, acc osUser) (serverDir, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return serverDir{}, err
	}
	if parent := filepath.Dir(dir); !acc.canReach(parent) {
		return serverDir{}, fmt.Errorf("%s cannot be reached by user id %d, which the server runs as: move it, or open %s to that user",
			dir, acc.uid, parent)
	}
	h := serverDir{path: dir, socketDir: dir, user: acc}
	if len(dir) > maxSocketDirLength {
		h.socketDir = filepath.Join("/tmp", "syncer-"+pathDigest(dir))
		err = acc.makePrivateDir(h.socketDir)
	}
	return h, err
}

// openFile opens a file of the home, making it if missing, for the server's
// account.
func (h serverDir) openFile(name string, flags int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(h.path, name), flags|os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := h.user.chown(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// createPipe replaces the home's named pipe and opens both its ends.
func (h serverDir) createPipe() (read, write *os.File, err error) {
	if err := os.Remove(h.pipePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if err := syscall.Mkfifo(h.pipePath(), 0o600); err != nil {
		return nil, nil, fmt.Errorf("make pipe %s: %w", h.pipePath(), err)
	}
	if err := h.user.chown(h.pipePath()); err != nil {
		return nil, nil, err
	}
	// Without O_NONBLOCK, opening either end waits for the other one.
	read, err = os.OpenFile(h.pipePath(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	write, err = h.openPipeForWriting()
	if err != nil {
		read.Close()
		return nil, nil, err
	}
	return read, write, nil
}

// openPipeForWriting opens the writing end of the pipe. It returns nil if no keeper
// holds the reading end.
func (h serverDir) openPipeForWriting() (*os.File, error) {
	f, err := os.OpenFile(h.pipePath(), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// supervisorGone reports whether no keeper is left.
func (h serverDir) supervisorGone() (bool, error) {
	f, err := h.openPipeForWriting()
	if f != nil {
		f.Close()
	}
	return f == nil && err == nil, err
}

// readPID returns the process id in a postmaster.pid.
func readPID(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("read %s: no process id", file)
	}
	return pid, nil
}

func fileExists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// pathDigest is a short name for a path.
func pathDigest(path string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%x", sum[:6])
}
