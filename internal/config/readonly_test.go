package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logto-syncer/internal/config"
)

const readOnlyFile = `database: ${DATABASE_URL}
tenants:
  - name: acme
    endpoint: ${LOGTO_ENDPOINT}
    app_id: ${LOGTO_APP_ID}
    app_secret: ${LOGTO_APP_SECRET}
privacy:
  key: ${PRIVACY_KEY}
  tables:
    users:
      name: drop
      primary_email: hash
`

func readOnly(t *testing.T, text string, env map[string]string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jobs.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.LoadReadOnly(path, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, nil)
}

func TestReadingNeedsNoVariableButTheDatabase(t *testing.T) {
	t.Parallel()
	cfg, err := readOnly(t, readOnlyFile, map[string]string{"DATABASE_URL": "postgres://reader@db/logto"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Database.Reveal() != "postgres://reader@db/logto" || cfg.Tenants[0].Name != "acme" || !cfg.Privacy.Tables["users"]["name"].Drop {
		t.Errorf("configuration = %+v", cfg)
	}
	_, err = readOnly(t, readOnlyFile, nil)
	problems, ok := errors.AsType[config.Errors](err)
	if !ok || len(problems) != 1 || problems[0].Field != "database" {
		t.Errorf("error without a database = %v", err)
	}
	if _, err := readOnly(t, strings.Replace(readOnlyFile, "name: drop", "name: burn", 1), map[string]string{"DATABASE_URL": "x://"}); err == nil {
		t.Error("other mistakes are no error")
	}
}

func TestAMistakeFoundLaterHasAPosition(t *testing.T) {
	t.Parallel()
	cfg, err := readOnly(t, readOnlyFile, map[string]string{"DATABASE_URL": "postgres://reader@db/logto"})
	if err != nil {
		t.Fatal(err)
	}
	for path, line := range map[string]int{"privacy.tables.users.name": 11, "privacy.tables.users.primary_email": 12, "privacy.tables.users.nosuch": 11, "serve": 1} {
		if p := cfg.Problem(path, "wrong", ""); p.Line != line || !strings.HasSuffix(p.File, "jobs.yaml") {
			t.Errorf("%s: %v", path, p)
		}
	}
}
