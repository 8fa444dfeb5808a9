package pgtest_test

import (
	"testing"

	"logto-syncer/internal/postgres/pgtest"
)

// BenchmarkURL is what a database costs a test.
func BenchmarkURL(b *testing.B) {
	pgtest.NewDatabaseURL(b, oneRow) // starts the server
	for b.Loop() {
		pgtest.NewDatabaseURL(b, oneRow)
	}
}
