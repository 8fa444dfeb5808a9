package report_test

import (
	"encoding/json"
	"fmt"
	"os"

	"logto-syncer/internal/report"
)

func ExampleParse() {
	r, err := report.Parse("who", "who.sql", `-- title: Who is it
-- question: Who has this id?
-- param id text: Logto id of the user.
select name from logto.users where id = @id and @it
`)
	fmt.Println(r, err)
	// Output:
	// <nil> who.sql:4:49: @it is not a parameter of this report
	// LINE 4: select name from logto.users where id = @id and @it
	//                                                         ^
	// HINT: declare it in the head: -- param it TYPE = DEFAULT: description
}

func ExampleNewRenderer() {
	table, err := report.NewRenderer("table", os.Stdout, 24)
	if err != nil {
		panic(err)
	}
	_ = table.Begin([]report.Column{{Name: "role"}, {Name: "holders", Numeric: true}})
	_ = table.Row([]any{"Администратор отдела", json.Number("12")})
	_ = table.Row([]any{"viewer", json.Number("7")})
	_ = table.End()
	// Output:
	// role             holders
	// ---------------  -------
	// Администратор …       12
	// viewer                 7
	// (2 rows)
}
