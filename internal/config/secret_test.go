package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"logto-syncer/internal/config"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	tenant := config.Tenant{Name: "acme", AppSecret: value}
	c := &config.Config{Database: value, Privacy: config.Privacy{Key: value}, Tenants: []config.Tenant{tenant}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f"} {
		t.Run("as "+verb, func(t *testing.T) {
			t.Parallel()
			for _, it := range []any{config.Secret(value), tenant, &tenant, c, fmt.Errorf("check %v", c)} {
				if got := fmt.Sprintf(verb, it); strings.Contains(got, value) || strings.Contains(got, "68756e74657232") {
					t.Errorf("shown: %s", got)
				}
			}
		})
	}
	t.Run("in logs", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("configuration", "secret", config.Secret(value), "tenant", tenant, "config", c)
		}
		if out.Len() == 0 || strings.Contains(out.String(), value) {
			t.Errorf("shown: %s", out.String())
		}
	})
	t.Run("as JSON or YAML", func(t *testing.T) {
		t.Parallel()
		inJSON, err := json.Marshal(tenant)
		if err != nil || bytes.Contains(inJSON, []byte(value)) {
			t.Errorf("%v, shown: %s", err, inJSON)
		}
		inYAML, err := yaml.Dump(tenant)
		if err != nil || bytes.Contains(inYAML, []byte(value)) {
			t.Errorf("%v, shown: %s", err, inYAML)
		}
	})
	if got := config.Secret(value).Reveal(); got != value {
		t.Errorf("revealed: %s", got)
	}
}
