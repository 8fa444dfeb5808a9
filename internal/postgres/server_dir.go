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

// maxSocketDirLength bounds the path of a socket's directory: on macOS the path of
// a socket has at most 104 bytes including the final zero.
const maxSocketDirLength = 103 - len("/.s.PGSQL.5432")

// fallbackRoot has the directories of root's servers whose own directory is out
// of reach for the server's user, such as one below /root.
const fallbackRoot = "/var/lib/logto-syncer"

// A serverDir is the directory of a server: its data, log, pipe, lock files and,
// if its path is short enough, its socket.
type serverDir struct {
	path      string // absolute, without symbolic links
	socketDir string // path, unless that is too long for a socket
	user      osUser
}

func (d serverDir) dataDir() string  { return filepath.Join(d.path, "data") }
func (d serverDir) pidFile() string  { return filepath.Join(d.dataDir(), "postmaster.pid") }
func (d serverDir) pipePath() string { return filepath.Join(d.path, "users-pipe") }

// newTemporaryDir creates the directory of a temporary server. It is in /tmp
// whatever TMPDIR says, because the path of a socket must be short.
func newTemporaryDir() (serverDir, error) {
	owner, err := serverUser()
	if err != nil {
		return serverDir{}, err
	}
	dir, err := os.MkdirTemp("/tmp", "syncer-postgres-")
	if err != nil {
		return serverDir{}, err
	}
	return serverDir{path: dir, socketDir: dir, user: owner}, owner.chown(dir)
}

// openOrCreateServerDir finds or creates the directory of a persistent server.
func openOrCreateServerDir(dir string) (serverDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return serverDir{}, err
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return createReachableServerDir(dir, fallbackRoot)
	case err != nil:
		return serverDir{}, err
	case len(entries) > 0 && !fileExists(filepath.Join(dir, "lock")):
		return serverDir{}, fmt.Errorf("%s has other files in it: name a directory that is empty or does not exist", dir)
	}
	owner, err := serverUserForDir(dir)
	if err != nil {
		return serverDir{}, err
	}
	if len(entries) == 0 {
		return makePrivateServerDir(dir, owner)
	}
	return resolveServerDir(dir, owner)
}

// createReachableServerDir creates the directory of a server. If the server's user cannot
// reach dir, it is created in fallback, and dir becomes a symbolic link to it.
func createReachableServerDir(dir, fallback string) (serverDir, error) {
	owner, err := serverUser()
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
	if !owner.canReach(parent) {
		target := filepath.Join(fallback, filepath.Base(parent)+"-"+pathDigest(dir))
		if err := os.MkdirAll(target, 0o755); err != nil {
			return serverDir{}, err
		}
		if err := os.Symlink(target, dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return serverDir{}, err
		}
	}
	return makePrivateServerDir(dir, owner)
}

// makePrivateServerDir turns an empty or missing directory into that of a server.
func makePrivateServerDir(dir string, owner osUser) (serverDir, error) {
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
	if err := owner.chown(dir); err != nil {
		return serverDir{}, err
	}
	return resolveServerDir(dir, owner)
}

func resolveServerDir(dir string, owner osUser) (serverDir, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return serverDir{}, err
	}
	if parent := filepath.Dir(dir); !owner.canReach(parent) {
		return serverDir{}, fmt.Errorf("the server runs as user id %[2]d, which cannot enter %[1]s: move it, or let that user enter %[3]s",
			dir, owner.uid, parent)
	}
	d := serverDir{path: dir, socketDir: dir, user: owner}
	if len(dir) > maxSocketDirLength {
		d.socketDir = filepath.Join("/tmp", "syncer-"+pathDigest(dir))
		err = owner.makePrivateDir(d.socketDir)
	}
	return d, err
}

// openFile opens a file of the directory, or creates it for the server's user.
func (d serverDir) openFile(name string, flags int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), flags|os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := d.user.chown(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// createPipe replaces the directory's named pipe and opens both ends.
func (d serverDir) createPipe() (read, write *os.File, err error) {
	if err := os.Remove(d.pipePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if err := syscall.Mkfifo(d.pipePath(), 0o600); err != nil {
		return nil, nil, fmt.Errorf("create pipe %s: %w", d.pipePath(), err)
	}
	if err := d.user.chown(d.pipePath()); err != nil {
		return nil, nil, err
	}
	// Without O_NONBLOCK, opening either end waits for the other one.
	read, err = os.OpenFile(d.pipePath(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	write, err = d.openPipeForWriting()
	if err != nil {
		read.Close()
		return nil, nil, err
	}
	return read, write, nil
}

// openPipeForWriting opens the writing end of the pipe. It returns nil if no
// supervisor holds the reading end.
func (d serverDir) openPipeForWriting() (*os.File, error) {
	f, err := os.OpenFile(d.pipePath(), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// supervisorGone reports whether no supervisor is running.
func (d serverDir) supervisorGone() (bool, error) {
	f, err := d.openPipeForWriting()
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

// pathDigest returns a short hash of a path.
func pathDigest(path string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%x", sum[:6])
}
