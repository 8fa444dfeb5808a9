package pgtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An Installation is a copy of this machine's PostgreSQL in a directory of its
// own, for a test of what a package upgrade does to a running server. Its
// methods fail the test on an error.
type Installation struct {
	t             testing.TB
	root, current string
	binDir        string // a symbolic link to that of the copy
	original      map[string]string
}

// CopyInstallation makes a copy, which is removed when the test ends.
func CopyInstallation(t testing.TB) *Installation {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "syncer-pgtest-") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(root, 0o755); err != nil { // for the server's user
		t.Fatal(err)
	}
	i := &Installation{t: t, root: root, binDir: filepath.Join(root, "bin"), original: map[string]string{}}
	pool := NewPool(t, nil)
	for _, name := range []string{"BINDIR", "PKGLIBDIR", "SHAREDIR"} {
		i.original[name] = pgConfig(t, pool, name)
	}
	i.install("old")
	return i
}

// BinDir returns the directory of the server binaries, the same before and after
// Upgrade.
func (i *Installation) BinDir() string { return i.binDir }

// ServerDir returns a directory for a server.
func (i *Installation) ServerDir() string { return filepath.Join(i.root, "server") }

// SimulateUpgrade installs a second copy in another directory, points BinDir at it and
// deletes the first one, as some package managers do: a running server then
// finds its libraries no more.
func (i *Installation) SimulateUpgrade() {
	i.t.Helper()
	old := i.current
	if err := os.Remove(i.binDir); err != nil {
		i.t.Fatal(err)
	}
	i.install("new")
	if err := os.RemoveAll(old); err != nil {
		i.t.Fatal(err)
	}
}

// install makes a copy. PostgreSQL finds its libraries and its other files by
// their location relative to the program postgres, so that alone is copied and
// the rest are symbolic links.
func (i *Installation) install(name string) {
	i.t.Helper()
	i.current = filepath.Join(i.root, name)
	bin, lib, share := i.original["BINDIR"], i.original["PKGLIBDIR"], i.original["SHAREDIR"]
	prefix := filepath.Dir(bin)
	for !strings.HasPrefix(share, prefix+"/") || !strings.HasPrefix(lib, prefix+"/") {
		prefix = filepath.Dir(prefix)
	}
	inCopy := func(path string) string { return filepath.Join(i.current, strings.TrimPrefix(path, prefix)) }
	for _, dir := range []string{inCopy(bin), filepath.Dir(inCopy(lib)), filepath.Dir(inCopy(share))} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			i.t.Fatal(err)
		}
	}
	program, err := os.ReadFile(filepath.Join(bin, "postgres"))
	if err != nil {
		i.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inCopy(bin), "postgres"), program, 0o755); err != nil {
		i.t.Fatal(err)
	}
	// Binaries that do not come from the system bring the libraries they link with.
	if libs := filepath.Join(filepath.Dir(bin), "lib"); libs != lib {
		names, err := filepath.Glob(filepath.Join(libs, "*.so*"))
		if err != nil {
			i.t.Fatal(err)
		}
		for _, name := range names {
			if err := os.Symlink(name, inCopy(name)); err != nil {
				i.t.Fatal(err)
			}
		}
	}
	for link, target := range map[string]string{
		filepath.Join(inCopy(bin), "initdb"): filepath.Join(bin, "initdb"),
		inCopy(lib):                          lib,
		inCopy(share):                        share,
		i.binDir:                             inCopy(bin),
	} {
		if err := os.Symlink(target, link); err != nil {
			i.t.Fatal(err)
		}
	}
}

// pgConfig returns a directory that the server was built with.
func pgConfig(t testing.TB, pool *pgxpool.Pool, name string) (dir string) {
	t.Helper()
	if err := pool.QueryRow(context.WithoutCancel(t.Context()), "select setting from pg_config where name = $1", name).Scan(&dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
