package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/config"
)

var update = flag.Bool("update", false, "write what the tests find as what they want")

// Every file in testdata/bad is a configuration and all that is reported of
// it; the file's name says what is wrong.
func TestBadConfigurations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".txtar"), "_", " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want := splitCase(data)
			c, err := config.Parse("jobs.yaml", []byte(input), environment, listings())
			if c != nil {
				t.Error("a Config came with the error")
			}
			if _, ok := errors.AsType[config.Errors](err); !ok {
				t.Fatalf("want config.Errors, have %T: %v", err, err)
			}
			got := err.Error() + "\n"
			if strings.Contains(got, "hunter2") {
				t.Errorf("a secret is shown:\n%s", got)
			}
			if *update {
				want = got
				if err := os.WriteFile(file, []byte("-- jobs.yaml --\n"+input+"-- want --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// splitCase parts a file of testdata/bad into the configuration and what is
// reported of it.
func splitCase(data []byte) (input, want string) {
	input, want, _ = strings.Cut(strings.TrimPrefix(string(data), "-- jobs.yaml --\n"), "-- want --\n")
	return input, want
}

// environment has the variables the tests may rely on.
func environment(name string) (string, bool) {
	value, ok := map[string]string{
		"APP_ID":     "m2m",
		"APP_SECRET": "hunter2",
		"BROKEN":     "hunter2\n",
		"EMPTY":      "",
		"LIMIT":      "{requests: 1, per: 1s}",
		"SIX":        "6",
	}[name]
	return value, ok
}

func listings() []string { return []string{"users", "organizations", "roles", "user_roles"} }
