package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/state"
)

// citusEnv is the environment variable with the URL of a Citus coordinator, of
// a role that may create databases and extensions on all nodes. If it is set,
// databases are created there instead of on a server of the test binary, and
// what Prepare has migrated is distributed.
const citusEnv = "SYNCER_TEST_CITUS"

// OnCitus reports whether the tests' databases are distributed.
func OnCitus() bool { return os.Getenv(citusEnv) != "" }

// NewPlainPool is NewPool in a database that is not distributed, even where OnCitus:
// what a distributed one is compared with.
func NewPlainPool(t testing.TB, prepare Prepare) *pgxpool.Pool {
	t.Helper()
	url, err := sharedServer.database(t.Context(), prepare)
	if err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	return newPool(t, url)
}

// createCitusDatabase creates a database on each node of the cluster, joins them to a
// cluster, and returns the URL of the coordinator's. They are dropped when the
// test ends.
func createCitusDatabase(ctx context.Context, t testing.TB, prepare Prepare) (string, error) {
	t.Helper()
	nodes, err := citusNodeURLs(ctx)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), sharedServer.databases.Add(1))
	t.Cleanup(func() {
		for _, node := range nodes {
			if err := execOnCitusNode(context.WithoutCancel(ctx), node, "postgres", "drop database if exists "+name+" with (force)"); err != nil {
				t.Error(err)
			}
		}
	})
	for _, node := range nodes {
		err := errors.Join(execOnCitusNode(ctx, node, "postgres", "create database "+name), execOnCitusNode(ctx, node, name, "create extension citus"))
		if err != nil {
			return "", err
		}
	}
	coordinator := inDatabase(nodes[0], name)
	pool, err := pgxpool.New(ctx, coordinator)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	for i, node := range nodes {
		host, port, err := hostPort(node)
		if err != nil {
			return "", err
		}
		join := "select citus_add_node($1, $2)"
		if i == 0 {
			join = "select citus_set_coordinator_host($1, $2)"
		}
		if _, err := pool.Exec(ctx, join, host, port); err != nil {
			return "", err
		}
	}
	if prepare == nil {
		return coordinator, nil
	}
	if err := prepare(ctx, pool); err != nil {
		return "", err
	}
	return coordinator, state.DistributeTables(ctx, pool, func(string) {})
}

// citusNodeURLs returns the URLs of the coordinator, which comes first, and of the
// workers, which let the same role in.
func citusNodeURLs(ctx context.Context) ([]*url.URL, error) {
	coordinator, err := url.Parse(os.Getenv(citusEnv))
	if err != nil {
		return nil, fmt.Errorf("%s is not a URL such as postgres://user@host:5432/postgres", citusEnv)
	}
	conn, err := pgx.Connect(ctx, coordinator.String())
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "select nodename || ':' || nodeport from pg_dist_node where groupid > 0 and isactive order by 1")
	if err != nil {
		return nil, err
	}
	workers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return nil, err
	}
	nodes := []*url.URL{coordinator}
	for _, host := range workers {
		worker := *coordinator
		worker.Host = host
		nodes = append(nodes, &worker)
	}
	return nodes, nil
}

func inDatabase(node *url.URL, name string) string {
	in := *node
	in.Path = "/" + name
	return in.String()
}

func hostPort(node *url.URL) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(node.Host)
	if err != nil {
		return "", 0, fmt.Errorf("%s names no port", citusEnv)
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

func execOnCitusNode(ctx context.Context, node *url.URL, database, sql string) error {
	conn, err := pgx.Connect(ctx, inDatabase(node, database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("%s on %s: %w", strings.Fields(sql)[0], node.Host, err)
	}
	return nil
}
