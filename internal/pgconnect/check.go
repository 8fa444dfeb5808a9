package pgconnect

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// checkEncoding refuses a database that cannot hold every text Logto sends.
// Postgres would convert, and readers in UTF-8 would find the names garbled.
func checkEncoding(ctx context.Context, conn *pgx.Conn) error {
	var name, encoding string
	err := conn.QueryRow(ctx, "select current_database(), getdatabaseencoding()").Scan(&name, &encoding)
	if err != nil {
		return fmt.Errorf("read the encoding of the database: %w", err)
	}
	if encoding == "UTF8" {
		return nil
	}
	return &UnfitError{
		Problem: fmt.Sprintf("the database %s has the encoding %s, which cannot hold every name", name, encoding),
		Remedy:  fmt.Sprintf("create another: create database %s_utf8 encoding 'UTF8' template template0;", name),
	}
}

// swaps is how often checkPooler has the sessions change places.
const swaps = 3

// checkPooler refuses a pooler in transaction or statement mode. Behind one,
// the lock of a tenant would stay on a session that others are lent, and two
// runs could both believe they hold it.
//
// Two clients take a transaction each and end them in the order in which they
// began. A pooler lends the session that was returned last first, so that the
// next transaction of the first client is in the session the second one had.
// PgBouncer (1.18), pgcat and others tell apart clients of one user by nothing
// else. In session mode, and without a pooler, a client keeps its session.
func checkPooler(ctx context.Context, conns [2]*pgx.Conn) error {
	var first [2]uint32
	for round := range swaps {
		for i, conn := range conns {
			pid, err := beginAndIdentify(ctx, conn)
			if err != nil {
				return err
			}
			if round == 0 {
				first[i] = pid
			}
			if pid != first[i] {
				return &UnfitError{
					Problem: "between syncer and the database is a pooler in transaction mode (such as PgBouncer with pool_mode = transaction), which lends a session for one transaction only: two runs could work on a tenant at once",
					Remedy:  "set the pooler to session mode (pool_mode = session) for this database, or name the server's own port",
				}
			}
		}
		for _, conn := range conns {
			if _, err := conn.Exec(ctx, "rollback"); err != nil {
				return fmt.Errorf("look for a pooler: %w", err)
			}
		}
	}
	return nil
}

// beginAndIdentify begins a transaction and returns the process id of the
// session it is in.
func beginAndIdentify(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	if _, err := conn.Exec(ctx, "begin read only"); err != nil {
		return 0, fmt.Errorf("look for a pooler: %w", err)
	}
	if err := conn.QueryRow(ctx, "select pg_backend_pid()").Scan(&pid); err != nil {
		return 0, fmt.Errorf("look for a pooler: %w", err)
	}
	return pid, nil
}
