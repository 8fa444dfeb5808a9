package postgres

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheDirectoryIsCreatedElsewhereIfTheServersUserCannotReachIt(t *testing.T) {
	t.Parallel()
	base := filepath.Dir(newServerPath(t))
	private, fallback := filepath.Join(base, "private"), filepath.Join(base, "fallback")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	want := private // an ordinary user's server runs as that user and gets there
	if os.Geteuid() == 0 {
		want = fallback
	}
	h, err := createReachableServerDir(filepath.Join(private, "server"), fallback)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(h.path) != want {
		t.Errorf("directory = %s, want it in %s", h.path, want)
	}
	query(t, startServer(t, Options{Dir: filepath.Join(private, "server"), Fast: true}), "select ''")
	again, err := resolveServerDir(filepath.Join(private, "server"), h.user)
	if err != nil || again.path != h.path {
		t.Errorf("the second time directory = %s, %v, want %s", again.path, err, h.path)
	}
}

func TestASocketDirectoryInTmpMustBelongToTheServersUser(t *testing.T) {
	t.Parallel()
	acc, err := serverUser()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Dir(newServerPath(t))
	for name, tc := range map[string]struct {
		make func(string) error
		ok   bool
	}{
		"a missing one is made":                 {func(string) error { return nil }, true},
		"one that we made before is taken":      {acc.makePrivateDir, true},
		"one that others can enter is refused":  {func(dir string) error { return os.Mkdir(dir, 0o755) }, false},
		"a symbolic link to another is refused": {func(dir string) error { return os.Symlink(base, dir) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(base, name)
			if err := tc.make(dir); err != nil {
				t.Fatal(err)
			}
			if err := acc.makePrivateDir(dir); (err == nil) != tc.ok {
				t.Errorf("error = %v", err)
			}
		})
	}
}
