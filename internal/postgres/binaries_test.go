package postgres

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheServerBinariesAreFound(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"path", "lib/9/bin", "lib/17/bin", "lib/16/bin"} {
		for _, name := range []string{"postgres", "initdb"} {
			createExecutable(t, filepath.Join(root, dir, name))
		}
	}
	createExecutable(t, filepath.Join(root, "client", "postgres")) // without initdb it is no server
	places := []string{root + "/lib/*/bin"}
	for name, tc := range map[string]struct {
		override, path string
		want           []string
	}{
		"the newest of the usual places comes first": {"", "", []string{"lib/17/bin", "lib/16/bin", "lib/9/bin"}},
		"the PATH comes before the usual places":     {"", root + "/path", []string{"path", "lib/17/bin", "lib/16/bin", "lib/9/bin"}},
		"an incomplete installation is skipped":      {"", root + "/client", []string{"lib/17/bin", "lib/16/bin", "lib/9/bin"}},
		"the override comes before everything":       {root + "/lib/9/bin", root + "/path", []string{"lib/9/bin"}},
		"an override without a server is an error":   {root + "/client", root + "/path", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := findBinaryDirs(t.Context(), tc.override, tc.path, places)
			if (tc.want == nil) != errors.Is(err, ErrNotFound) {
				t.Fatalf("error = %v", err)
			}
			var want []string
			for _, dir := range tc.want {
				want = append(want, filepath.Join(root, dir))
			}
			got = pathsBelow(root, got) // pg_config may know a real one
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("directories (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheErrorOfAFailedSearchNamesTheRemedy(t *testing.T) {
	t.Parallel()
	err := notFoundError()
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "install") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v", err)
	}
}

func TestPsqlCommandIsQuotedForAShell(t *testing.T) {
	t.Parallel()
	srv := &Server{dir: serverDir{socketDir: "/home/o'neil/a b"}}
	got := srv.PsqlCommand("postgres")
	want := `psql -h '/home/o'\''neil/a b' -U postgres -d postgres`
	if got != want {
		t.Errorf("command = %s\nwant      %s", got, want)
	}
}

func pathsBelow(root string, dirs []string) (in []string) {
	for _, dir := range dirs {
		if strings.HasPrefix(dir, root) {
			in = append(in, dir)
		}
	}
	return in
}

func createExecutable(t *testing.T, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// It sets the PATH of this process, by which pg_config is found, and so cannot be parallel.
func TestTheServerBinariesAreFoundByPgConfig(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"postgres", "initdb"} {
		createExecutable(t, filepath.Join(root, "server", name))
	}
	script := "#!/bin/sh\n[ \"$1\" = --bindir ] && echo '" + root + "/server'\n"
	if err := os.WriteFile(filepath.Join(root, "pg_config"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", root)
	got, err := findBinaryDirs(t.Context(), "", "", nil)
	if diff := cmp.Diff([]string{root + "/server"}, got); diff != "" || err != nil {
		t.Errorf("error = %v, directories (-want +got):\n%s", err, diff)
	}
}
