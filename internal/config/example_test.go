package config_test

import (
	"fmt"

	"logto-syncer/internal/config"
)

func ExampleParse() {
	file := `
tenants:
  - name: acme
    endpoint: https://acme.logto.app
    app_id: ${LOGTO_APP_ID}
    app_secret: ${LOGTO_APP_SECRET}
    limit: lots
    concurency: 6
`
	env := map[string]string{"LOGTO_APP_ID": "m2m"}
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	_, err := config.Parse("jobs.yaml", []byte(file), lookup, []string{"users", "roles"})
	fmt.Println(err)
	// Output:
	// jobs.yaml:6:17: tenants[0].app_secret: LOGTO_APP_SECRET is not set
	//   hint: export LOGTO_APP_SECRET, or write ${LOGTO_APP_SECRET:-default}
	// jobs.yaml:7:12: tenants[0].limit: must be "none" or {requests: 200, per: 10s}, is "lots"
	// jobs.yaml:8:5: tenants[0].concurency: unknown key
	//   hint: did you mean concurrency?
}
