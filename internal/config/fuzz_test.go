package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"logto-syncer/internal/config"
)

// Whatever the file holds: no panic, a Config or problems, and each problem
// at a position inside the file.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*", "testdata/*.yaml", "../../jobs.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			input, _ := splitCase(data)
			f.Add([]byte(input))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("jobs.yaml", data, environment, listings())
		if err == nil {
			if c == nil || len(c.Tenants) == 0 || len(c.Jobs) == 0 {
				t.Errorf("neither problems nor a whole Config: %+v", c)
			}
			return
		}
		problems, ok := errors.AsType[config.Errors](err)
		if !ok || len(problems) == 0 || c != nil {
			t.Fatalf("want problems alone, have %+v and %v", c, err)
		}
		for _, p := range problems {
			if p.File != "jobs.yaml" || p.Line < 1 || p.Column < 1 || p.Line > len(data)+1 || p.Message == "" {
				t.Errorf("a problem without a position: %+v", p)
			}
		}
	})
}
