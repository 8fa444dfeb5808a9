// Package pgconnect opens connections to the mirror's database that behave the
// same wherever it is: each session is set to what the program needs, whatever
// the role, the database or the server is set to, and a database or a pooler
// with which the program cannot keep its promises is refused with a remedy.
package pgconnect

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTimeout bounds an attempt to connect, unless the connection string
	// says connect_timeout.
	connectTimeout  = 10 * time.Second
	applicationName = "logto-syncer"
)

// Open connects to the database that a connection string names: a URL, or
// keywords and values; what it leaves out is taken from the PG* variables and
// from a service file, as libpq does. The pool has at least minConns
// connections at most. The caller closes it.
//
// Open returns a *ConnectError when the database cannot be reached, and an
// *UnfitError when it can be and is not fit for use: a pooler that lends a
// session for one transaction, or an encoding other than UTF-8. No error
// quotes the connection string, which may hold a password.
func Open(ctx context.Context, connString string, minConns int32) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil || strings.TrimSpace(connString) != connString {
		return nil, connStringError(connString)
	}
	if err := checkForeignParameters(cfg.ConnConfig); err != nil {
		return nil, err
	}
	cfg.MaxConns = max(cfg.MaxConns, minConns)
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = applicationName
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if err := checkEncodingAndPooler(ctx, cfg.ConnConfig); err != nil {
		return nil, err
	}
	cfg.ConnConfig.AfterConnect = setSession
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, &ConnectError{err}
	}
	return pool, nil
}

//go:embed sql/set_session.sql
var sessionSQL string

// setSession sets a new session to what the program relies on. It is done by a
// statement and not by startup parameters, which poolers refuse.
func setSession(ctx context.Context, conn *pgconn.PgConn) error {
	if _, err := conn.Exec(ctx, sessionSQL).ReadAll(); err != nil {
		return fmt.Errorf("set up the session: %w", err)
	}
	return nil
}

// checkEncodingAndPooler looks at the server by connections of its own, before anything
// is set or written.
func checkEncodingAndPooler(ctx context.Context, cfg *pgx.ConnConfig) error {
	plain := cfg.Copy()
	plain.DefaultQueryExecMode = pgx.QueryExecModeExec // prepares nothing that would stay behind
	var conns [2]*pgx.Conn
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				closeConn(ctx, conn)
			}
		}
	}()
	for i := range conns {
		conn, err := pgx.ConnectConfig(ctx, plain)
		if err != nil {
			return &ConnectError{err}
		}
		conns[i] = conn
		if i == 0 {
			if err := checkEncoding(ctx, conn); err != nil {
				return err
			}
		}
	}
	return checkPooler(ctx, conns)
}

func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
