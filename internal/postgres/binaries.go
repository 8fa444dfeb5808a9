package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// BinVariable is the environment variable that names the directory of the
// server binaries and overrides the search of FindBinaries.
const BinVariable = "SYNCER_POSTGRES_BIN"

// ErrNotFound is wrapped by the error of FindBinaries if this machine has no
// PostgreSQL server binaries.
var ErrNotFound = errors.New("no PostgreSQL server binaries found")

// usualBinaryDirs are where distributions install server binaries outside the PATH.
func usualBinaryDirs() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                   // RHEL, Fedora, SUSE with the PGDG packages
		"/usr/lib/postgresql*/bin",                           // SUSE
		"/usr/lib64/postgresql-*/bin",                        // Gentoo
		"/usr/libexec/postgresql*",                           // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew on Linux
		"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
		"/opt/local/lib/postgresql*/bin",                     // MacPorts
		"/usr/local/pgsql/bin",                               // built from source
	}
}

// FindBinaries returns the directory of this machine's PostgreSQL server binaries:
// $SYNCER_POSTGRES_BIN if set, else the first on the PATH, else that of
// pg_config, else the newest of the usual directories. The error wraps
// ErrNotFound and names the remedy.
func FindBinaries() (binDir string, err error) {
	return findBinariesOf(context.Background(), "")
}

// findBinariesOf returns the server binaries of a major version, the only one
// that can open data which that version wrote; empty: any version.
func findBinariesOf(ctx context.Context, major string) (binDir string, err error) {
	dirs, err := findBinaryDirs(ctx, os.Getenv(BinVariable), os.Getenv("PATH"), usualBinaryDirs())
	if err != nil {
		return "", err
	}
	if major == "" {
		return dirs[0], nil
	}
	for _, dir := range dirs {
		if has, err := binariesMajorVersion(ctx, dir); err == nil && has == major {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the data was written by PostgreSQL %s, but the installed binaries in %s are of another version: install PostgreSQL %s, or dump and reload the data",
		major, strings.Join(dirs, ", "), major)
}

// findBinaries is findBinariesOf, unless the options name the directory.
func (o Options) findBinaries(ctx context.Context, major string) (binDir string, err error) {
	if o.BinDir != "" {
		return o.BinDir, nil
	}
	return findBinariesOf(ctx, major)
}

// findBinaryDirs returns every directory with server binaries, best first.
func findBinaryDirs(ctx context.Context, override, path string, places []string) ([]string, error) {
	switch {
	case override == "":
	case hasServerBinaries(override):
		return []string{override}, nil
	default:
		return nil, fmt.Errorf("%w in %s=%s: it must be a directory with the programs postgres and initdb", ErrNotFound, BinVariable, override)
	}
	found := slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool { return !filepath.IsAbs(dir) })
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		found = append(found, strings.TrimSpace(string(out)))
	}
	found = append(found, globNewestFirst(places)...)
	found = slices.DeleteFunc(found, func(dir string) bool { return !hasServerBinaries(dir) })
	if len(found) == 0 {
		return nil, notFoundError()
	}
	return found, nil
}

func notFoundError() error {
	return fmt.Errorf("%w: %s", ErrNotFound, installHint())
}

func globNewestFirst(patterns []string) []string {
	var dirs []string
	for _, p := range patterns {
		matches, _ := filepath.Glob(p) // its one error is a malformed pattern
		dirs = append(dirs, matches...)
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(pathVersion(b), pathVersion(a)) })
	return dirs
}

var numberPattern = regexp.MustCompile(`\d+`)

// pathVersion returns the major version in a path, its last number; 0 if none.
func pathVersion(path string) int {
	numbers := numberPattern.FindAllString(path, -1)
	if len(numbers) == 0 {
		return 0
	}
	n, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return 0
	}
	return n
}

func binariesMajorVersion(ctx context.Context, binDir string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(binDir, "postgres"), "--version").Output()
	return numberPattern.FindString(string(out)), err
}

func hasServerBinaries(dir string) bool {
	return isExecutable(filepath.Join(dir, "postgres")) && isExecutable(filepath.Join(dir, "initdb"))
}

func isExecutable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

func commandExists(command string) bool {
	_, err := exec.LookPath(command)
	return err == nil
}

// installHint returns the command that installs the server binaries here.
func installHint() string {
	if runtime.GOOS == "darwin" {
		return "run brew install postgresql@17"
	}
	for _, manager := range []struct{ command, install string }{
		{"apt-get", "apt-get install postgresql"},
		{"dnf", "dnf install postgresql-server"},
		{"apk", "apk add postgresql"},
		{"brew", "brew install postgresql@17"},
	} {
		if commandExists(manager.command) {
			return "run " + manager.install
		}
	}
	return "install a PostgreSQL server, or set " + BinVariable + " to the directory of its binaries"
}
