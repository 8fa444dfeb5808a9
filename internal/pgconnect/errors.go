package pgconnect

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A ConnectError says that no connection could be made. Its text is the cause:
// of several attempts (addresses, with TLS and without) the one that got
// furthest. The driver's own text begins with the first attempt, which is
// "tls error" for every server without TLS.
type ConnectError struct{ err error }

func (e *ConnectError) Error() string {
	if pg, ok := errors.AsType[*pgconn.PgError](e.err); ok {
		return fmt.Sprintf("connect to the database: %s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	last := lastNonTLSError(e.err)
	if op, ok := errors.AsType[*net.OpError](last); ok {
		last = op
	}
	return "connect to the database: " + last.Error()
}

// Unwrap returns the driver's error.
func (e *ConnectError) Unwrap() error { return e.err }

// lastNonTLSError returns the last error of the last attempt that was not a refusal of
// TLS: with sslmode=prefer the attempt without TLS comes second and says more.
func lastNonTLSError(err error) error {
	var leaves []error
	var walk func(error)
	walk = func(err error) {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				walk(one)
			}
			return
		}
		if next := errors.Unwrap(err); next != nil {
			if _, many := next.(interface{ Unwrap() []error }); many {
				walk(next)
				return
			}
		}
		leaves = append(leaves, err)
	}
	walk(err)
	for _, leaf := range slices.Backward(leaves) {
		if !strings.Contains(leaf.Error(), "tls error") {
			return leaf
		}
	}
	return leaves[len(leaves)-1]
}

// An UnfitError says why a database that answers cannot hold the mirror, and
// what to do.
type UnfitError struct {
	Problem string
	Remedy  string
}

func (e *UnfitError) Error() string { return e.Problem }

// foreign are query parameters of other programs' connection strings. Postgres
// takes a parameter it does not know for a setting and refuses the connection.
var foreign = map[string]string{
	"pgbouncer":            "it is Prisma's",
	"connection_limit":     "it is Prisma's; the number of connections is pool_max_conns",
	"pool_timeout":         "it is Prisma's",
	"socket_timeout":       "it is Prisma's",
	"statement_cache_size": "it is Prisma's",
	"schema":               "it is Prisma's; syncer's schemas have fixed names",
	"currentschema":        "it is JDBC's; syncer's schemas have fixed names",
	"sslaccept":            "it is Prisma's; write sslmode=require",
	"usessl":               "it is JDBC's; write sslmode=require",
	"prepared_statements":  "it is Rails'",
	"pool":                 "it is Rails'; the number of connections is pool_max_conns",
	"charset":              "it is MySQL's; sessions are always UTF-8",
}

// checkForeignParameters names a parameter that was pasted from elsewhere.
func checkForeignParameters(cfg *pgx.ConnConfig) error {
	for name := range cfg.RuntimeParams {
		if why, ok := foreign[strings.ToLower(name)]; ok {
			return &UnfitError{
				Problem: fmt.Sprintf("the database URL has the parameter %q, which Postgres does not know", name),
				Remedy:  fmt.Sprintf("remove %q: %s", name, why),
			}
		}
	}
	return nil
}

// connStringError says what is wrong with a connection string without quoting it.
func connStringError(connString string) error {
	if strings.TrimSpace(connString) != connString {
		return &UnfitError{
			Problem: "the database URL begins or ends with a space or a line break",
			Remedy:  "remove it from DATABASE_URL, or from the file it comes from",
		}
	}
	_, err := pgconn.ParseConfig(connString)
	if err != nil && strings.Contains(err.Error(), "service") {
		return &UnfitError{
			Problem: "the database URL names a service that is in no service file",
			Remedy:  "name the file in PGSERVICEFILE, or add the service to ~/.pg_service.conf",
		}
	}
	return &UnfitError{
		Problem: "the database URL is not one of Postgres",
		Remedy:  "write postgres://user:password@host:5432/database; in it, special characters of a password are written %40 for @, %2F for / and so on",
	}
}
