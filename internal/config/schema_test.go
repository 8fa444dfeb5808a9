package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"logto-syncer/internal/config"
)

const (
	schemaFile = "../../jobs.schema.json"
	variable   = `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`
)

// The schema editors complete jobs.yaml by is made here, and nowhere else, so
// that its generator is not linked into the program.
func TestSchemaIsUpToDate(t *testing.T) {
	t.Parallel()
	got := schema(t)
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("jobs.schema.json is out of date, run go generate ./internal/config (-have +new):\n%s", diff)
	}
}

func schema(t *testing.T) []byte {
	t.Helper()
	r := jsonschema.Reflector{
		Anonymous:      true,
		FieldNameTag:   "yaml",
		ExpandedStruct: true,
		Mapper:         scalar,
	}
	if err := r.AddGoComments("logto-syncer/internal/config", "."); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(&config.Config{})
	forEditors(s)
	for _, definition := range s.Definitions {
		forEditors(definition)
	}
	s.Title = "syncer's jobs.yaml"
	s.Definitions["Limit"] = &jsonschema.Schema{
		OneOf: []*jsonschema.Schema{{Const: "none"}, onlyVariable(), s.Definitions["Limit"]},
	}
	s.Definitions["Rule"] = &jsonschema.Schema{
		OneOf: []*jsonschema.Schema{{Enum: []any{"drop", "hash"}}, onlyVariable(), s.Definitions["Rule"]},
	}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.TrimSpace(out), '\n')
}

// scalar maps the types that the file has in another form than Go.
func scalar(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+d|([0-9.]+(ns|us|µs|ms|s|m|h))+|` + variable + `)$`}
	case reflect.TypeFor[config.Selection]():
		names := &jsonschema.Schema{Type: "array", MinItems: new(uint64(1)), Items: &jsonschema.Schema{Type: "string"}}
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Const: "all"}, onlyVariable(), names}}
	case reflect.TypeFor[config.Secret]():
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// forEditors keeps of the Go comments those on fields, and lets ${NAME} stand
// for a number, true or false, and for a name.
func forEditors(s *jsonschema.Schema) {
	s.Description = ""
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		p := pair.Value
		p.Description = strings.ReplaceAll(p.Description, "\n", " ")
		switch {
		case p.Type == "integer" || p.Type == "boolean":
			form := *p
			form.Description, form.Default = "", nil
			pair.Value = &jsonschema.Schema{
				Description: p.Description, Default: p.Default,
				OneOf: []*jsonschema.Schema{&form, onlyVariable()},
			}
		case pair.Key == "name":
			p.Pattern += "|" + variable
		}
	}
}

func onlyVariable() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: "^" + variable + "$"}
}
