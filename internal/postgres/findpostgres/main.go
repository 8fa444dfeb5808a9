// Command findpostgres prints the directory of the PostgreSQL server binaries
// that the tests and the demo use. If there are none, it says how to install
// them and exits with 1. The Makefile runs it before both.
package main

import (
	"fmt"
	"os"

	"logto-syncer/internal/postgres"
)

func main() {
	dir, err := postgres.FindBinaries()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, dir)
}
