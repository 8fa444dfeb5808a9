// Command where prints the directory of the PostgreSQL server binaries that
// the tests and the demo would use, or says how to install them and exits 1.
// It is what the Makefile asks before both.
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
