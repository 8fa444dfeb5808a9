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

// An account is who a server runs as: this process's own user, or, since
// PostgreSQL refuses to run as root, one that root lends to it.
type account struct {
	uid, gid uint32
	lent     bool
}

// serverAccount returns the account for a new server: the process's own, or
// for root that of postgres, else of nobody.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if uerr == nil && gerr == nil && uid != 0 {
			return account{uid: uint32(uid), gid: uint32(gid), lent: true}, nil
		}
	}
	return account{}, errors.New("find an account for the server: PostgreSQL refuses to run as root, and neither a user postgres nor a user nobody exists")
}

// ownerAccount returns the account for the server of a directory that is
// there: for root, that of its owner.
func ownerAccount(dir string) (account, error) {
	acc, err := serverAccount()
	if err != nil || !acc.lent {
		return acc, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return account{}, err
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 {
		acc.uid, acc.gid = stat.Uid, stat.Gid
	}
	return acc, nil
}

// own gives a file to the account.
func (a account) own(file string) error {
	if !a.lent {
		return nil
	}
	return os.Lchown(file, int(a.uid), int(a.gid))
}

// process returns what makes a child process run as the account, in a session
// of its own, so that an interrupt typed at the terminal ends the program and
// not the server under it.
func (a account) process() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.lent {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// reaches reports whether the account may pass through dir, an absolute path
// without symbolic links, and every directory above it.
func (a account) reaches(dir string) bool {
	if !a.lent {
		return true
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || !a.enters(info) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

func (a account) enters(dir fs.FileInfo) bool {
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

// privateDir makes a directory at a path that others can guess, or finds the
// one made before. One that somebody else made is refused.
func (a account) privateDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return a.own(dir)
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
