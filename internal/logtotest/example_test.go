package logtotest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"logto-syncer/internal/logtotest"
)

func Example() {
	server := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 500, Seed: 1}))
	defer server.Close()

	// A user comes while the second page is being read.
	server.OnRequest(func(n int, _ *http.Request) {
		if n == 2 {
			if _, err := server.Tenant.CreateUser(logtotest.Row{"username": "late"}); err != nil {
				panic(err)
			}
		}
	})
	// The third and the fourth page of role members fail.
	server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 503, Path: "/api/roles/*/users", Skip: 2, Count: 2})

	fmt.Println(server.Tenant.Count("users"), "users,", server.AppID, "may read", server.Resource)
	// Output: 500 users, mirrorapplication0001 may read https://default.logto.app/api
}

func ExampleTenant_Rows() {
	tenant := logtotest.Generate(logtotest.Options{Users: 10})
	id, err := tenant.CreateUser(logtotest.Row{"username": "ann", "custom_data": logtotest.Row{"plan": "pro"}})
	if err != nil {
		panic(err)
	}
	for _, row := range tenant.Rows("users") {
		if row["id"] == id {
			fmt.Println(row["username"], row["custom_data"], row["primary_email"])
		}
	}
	// Output: ann map[plan:pro] <nil>
}

func ExampleNew() {
	server := logtotest.NewServer(logtotest.Generate(logtotest.Options{Users: 10}))
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/users", nil))
	fmt.Println(answer.Code, answer.Body)
	// Output: 401 {"code":"auth.authorization_header_missing","message":"Authorization header is missing."}
}
