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

// maxSocketDir is how long the path of a socket's directory may be: macOS ends
// the path of a socket at 104 bytes with its final zero.
const maxSocketDir = 103 - len("/.s.PGSQL.5432")

// fallbackRoot is where root's servers go whose directory the account they
// run as cannot reach, such as one below /root.
const fallbackRoot = "/var/lib/logto-syncer"

// A home is the directory of a server.
type home struct {
	dir     string // absolute, without symbolic links
	sockets string // where the socket is: dir, unless its path is too long
	account account
}

func (h home) data() string    { return filepath.Join(h.dir, "data") }
func (h home) pidFile() string { return filepath.Join(h.data(), "postmaster.pid") }
func (h home) pipe() string    { return filepath.Join(h.dir, "alive") }

// temporaryHome makes the home of a throw-away server. It is in /tmp whatever
// TMPDIR says, for a socket's path is short.
func temporaryHome() (home, error) {
	acc, err := serverAccount()
	if err != nil {
		return home{}, err
	}
	dir, err := os.MkdirTemp("/tmp", "syncer-postgres-")
	if err != nil {
		return home{}, err
	}
	return home{dir: dir, sockets: dir, account: acc}, acc.own(dir)
}

// keptHome finds or makes the home of a kept server.
func keptHome(dir string) (home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, err
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeHome(dir, fallbackRoot)
	case err != nil:
		return home{}, err
	case len(entries) > 0 && !exists(filepath.Join(dir, "lock")):
		return home{}, fmt.Errorf("%s has other things in it: want a directory that is missing or empty", dir)
	}
	acc, err := ownerAccount(dir)
	if err != nil {
		return home{}, err
	}
	if len(entries) == 0 {
		return newHome(dir, acc)
	}
	return resolveHome(dir, acc)
}

// makeHome makes a home that is not there. Where the server's account cannot
// get to it, the home is made in fallback, and dir a symbolic link to it.
func makeHome(dir, fallback string) (home, error) {
	acc, err := serverAccount()
	if err != nil {
		return home{}, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return home{}, err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return home{}, err
	}
	if !acc.reaches(parent) {
		target := filepath.Join(fallback, filepath.Base(parent)+"-"+digest(dir))
		if err := os.MkdirAll(target, 0o755); err != nil {
			return home{}, err
		}
		if err := os.Symlink(target, dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return home{}, err
		}
	}
	return newHome(dir, acc)
}

// newHome makes an empty or missing directory a home.
func newHome(dir string, acc account) (home, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return home{}, err
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return home{}, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return home{}, err
	}
	if err := acc.own(dir); err != nil {
		return home{}, err
	}
	return resolveHome(dir, acc)
}

func resolveHome(dir string, acc account) (home, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return home{}, err
	}
	if parent := filepath.Dir(dir); !acc.reaches(parent) {
		return home{}, fmt.Errorf("%s cannot be reached by user id %d, which the server runs as: move it, or open %s to that user",
			dir, acc.uid, parent)
	}
	h := home{dir: dir, sockets: dir, account: acc}
	if len(dir) > maxSocketDir {
		h.sockets = filepath.Join("/tmp", "syncer-"+digest(dir))
		err = acc.privateDir(h.sockets)
	}
	return h, err
}

// open opens a file of the home, making it if missing, for the server's
// account.
func (h home) open(name string, flags int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(h.dir, name), flags|os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := h.account.own(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// makePipe replaces the home's named pipe and opens both its ends.
func (h home) makePipe() (read, write *os.File, err error) {
	if err := os.Remove(h.pipe()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if err := syscall.Mkfifo(h.pipe(), 0o600); err != nil {
		return nil, nil, fmt.Errorf("make pipe %s: %w", h.pipe(), err)
	}
	if err := h.account.own(h.pipe()); err != nil {
		return nil, nil, err
	}
	// Without O_NONBLOCK, opening either end waits for the other one.
	read, err = os.OpenFile(h.pipe(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	write, err = h.openPipe()
	if err != nil {
		read.Close()
		return nil, nil, err
	}
	return read, write, nil
}

// openPipe opens the writing end of the pipe. It returns nil if no keeper
// holds the reading end.
func (h home) openPipe() (*os.File, error) {
	f, err := os.OpenFile(h.pipe(), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// gone reports whether no keeper is left.
func (h home) gone() (bool, error) {
	f, err := h.openPipe()
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

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// digest is a short name for a path.
func digest(path string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%x", sum[:6])
}
