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

// An osUser is who a server runs as: this process's own user, or, since
// PostgreSQL refuses to run as root, one that root lends to it.
type osUser struct {
	uid, gid uint32
	switched bool
}

// serverUser returns the account for a new server: the process's own, or
// for root that of postgres, else of nobody.
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
	return osUser{}, errors.New("find an account for the server: PostgreSQL refuses to run as root, and neither a user postgres nor a user nobody exists")
}

// directoryOwner returns the account for the server of a directory that is
// there: for root, that of its owner.
func directoryOwner(dir string) (osUser, error) {
	acc, err := serverUser()
	if err != nil || !acc.switched {
		return acc, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return osUser{}, err
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 {
		acc.uid, acc.gid = stat.Uid, stat.Gid
	}
	return acc, nil
}

// chown gives a file to the account.
func (a osUser) chown(file string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(file, int(a.uid), int(a.gid))
}

// sysProcAttr returns what makes a child process run as the account, in a session
// of its own, so that an interrupt typed at the terminal ends the program and
// not the server under it.
func (a osUser) sysProcAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.switched {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// canReach reports whether the account may pass through dir, an absolute path
// without symbolic links, and every directory above it.
func (a osUser) canReach(dir string) bool {
	if !a.switched {
		return true
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || !a.canEnter(info) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

func (a osUser) canEnter(dir fs.FileInfo) bool {
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

// makePrivateDir makes a directory at a path that others can guess, or finds the
// one made before. One that somebody else made is refused.
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
