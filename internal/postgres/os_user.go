package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// An osUser is the operating system's user that a server runs as: the user of
// this process or, because PostgreSQL refuses to run as root, another one.
type osUser struct {
	uid, gid uint32
	switched bool // another user than that of this process, which is root
}

// serverUser returns the user for a new server: the user of this process or, if
// that is root, postgres or else nobody.
func serverUser() (osUser, error) {
	if os.Geteuid() != 0 {
		return osUser{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if uerr == nil && gerr == nil && uid != 0 {
			return osUser{uid: uint32(uid), gid: uint32(gid), switched: true}, nil
		}
	}
	return osUser{}, errors.New("choose a user for the server: PostgreSQL refuses to run as root, and neither the user postgres nor the user nobody exists")
}

// serverUserForDir returns the user for the server of an existing directory: for
// root, the directory's owner.
func serverUserForDir(dir string) (osUser, error) {
	owner, err := serverUser()
	if err != nil || !owner.switched {
		return owner, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return osUser{}, err
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 {
		owner.uid, owner.gid = stat.Uid, stat.Gid
	}
	return owner, nil
}

// chown makes the user the owner of a file.
func (a osUser) chown(file string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(file, int(a.uid), int(a.gid))
}

// sysProcAttr makes a child process run as the user, in a session of its own:
// Ctrl-C in the terminal ends the program and not the server.
func (a osUser) sysProcAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.switched {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// canReach reports whether the user may enter dir, an absolute path without
// symbolic links, and every directory above it.
func (a osUser) canReach(dir string) bool {
	if !a.switched {
		return true
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || !a.hasExecutePermission(info) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

func (a osUser) hasExecutePermission(dir fs.FileInfo) bool {
	stat := dir.Sys().(*syscall.Stat_t)
	switch {
	case stat.Uid == a.uid:
		return dir.Mode()&0o100 != 0
	case stat.Gid == a.gid:
		return dir.Mode()&0o010 != 0
	default:
		return dir.Mode()&0o001 != 0
	}
}

// makePrivateDir creates a directory at a path that others can guess, or accepts
// the one created before. One that another user created is refused.
func (a osUser) makePrivateDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return a.chown(dir)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm() != 0o700 || info.Sys().(*syscall.Stat_t).Uid != a.uid {
		return fmt.Errorf("%s is not a private directory of user id %d: remove it", dir, a.uid)
	}
	return nil
}
