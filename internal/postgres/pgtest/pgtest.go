// Package pgtest gives every test a PostgreSQL database of its own.
//
// A test binary has one temporary server. The first test that needs a database
// starts it, and it stops when the binary ends, even if that is killed: no
// TestMain is needed, and databases are not dropped. On a machine without
// PostgreSQL the tests fail and say how to install it; they are not skipped.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres"
)

// setupTimeout bounds the preparation of a database, generously: a slow machine
// is no reason to fail.
const setupTimeout = 20 * time.Minute

// Prepare fills a template database, which is copied for each test: it runs the
// migrations and inserts common data. It must be a named function, because its
// name identifies the template.
type Prepare func(context.Context, *pgxpool.Pool) error

// NewPool returns a pool of connections to a new database for the test: a copy of
// the template that prepare fills once per test binary; nil: an empty database.
// The pool is closed when the test ends. A failed test logs the URL of its
// database, which exists for as long as the test binary runs.
func NewPool(t testing.TB, prepare Prepare) *pgxpool.Pool {
	t.Helper()
	return newPool(t, NewDatabaseURL(t, prepare))
}

func newPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatalf("connect to the test's database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// NewDatabaseURL is NewPool for tests that connect by themselves, such as those of commands: it
// returns the connection string of the new database.
func NewDatabaseURL(t testing.TB, prepare Prepare) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	var url string
	var err error
	if OnCitus() {
		url, err = createCitusDatabase(ctx, t, prepare)
	} else {
		url, err = sharedServer.database(ctx, prepare)
	}
	if err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the test's database: %s", url)
		}
	})
	return url
}

// sharedServer is the server of this test binary. It is a variable of the package
// because unrelated tests share it.
var sharedServer lazyServer

type lazyServer struct {
	start     sync.Once
	postgres  *postgres.Server
	err       error
	templates sync.Map // name of a Prepare -> *template
	databases atomic.Int64
}

type template struct {
	fill sync.Once
	name string
	err  error
}

// startOnce starts the server at the first call. It uses no test's context, because
// it serves all of them.
func (s *lazyServer) startOnce() (*postgres.Server, error) {
	s.start.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		s.postgres, s.err = postgres.Start(ctx, postgres.Options{})
	})
	return s.postgres, s.err
}

// database creates a database and returns its connection string.
func (s *lazyServer) database(ctx context.Context, prepare Prepare) (string, error) {
	srv, err := s.startOnce()
	if err != nil {
		return "", err
	}
	source := "template1"
	if prepare != nil {
		if source, err = s.template(prepare); err != nil {
			return "", err
		}
	}
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	return srv.URL(name), execOnServer(ctx, srv, fmt.Sprintf("create database %s template %s", name, source))
}

// template returns the name of the database that prepare has filled.
func (s *lazyServer) template(prepare Prepare) (string, error) {
	key, err := prepareName(prepare)
	if err != nil {
		return "", err
	}
	entry, _ := s.templates.LoadOrStore(key, &template{})
	t := entry.(*template)
	t.fill.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		t.name = fmt.Sprintf("template_%d", s.databases.Add(1))
		if t.err = createTemplate(ctx, s.postgres, t.name, prepare); t.err != nil {
			t.err = fmt.Errorf("prepare with %s: %w", key, t.err)
		}
	})
	return t.name, t.err
}

func createTemplate(ctx context.Context, srv *postgres.Server, name string, prepare Prepare) error {
	if err := execOnServer(ctx, srv, "create database "+name); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, srv.URL(name))
	if err != nil {
		return err
	}
	defer pool.Close()
	return prepare(ctx, pool)
}

// unnamedFunction matches the runtime's names of function literals and method
// values: two of the same name may differ in the variables they have captured.
var unnamedFunction = regexp.MustCompile(`\.func\d+(\.\d+)*$|-fm$`)

func prepareName(prepare Prepare) (string, error) {
	name := runtime.FuncForPC(reflect.ValueOf(prepare).Pointer()).Name()
	if unnamedFunction.MatchString(name) {
		return "", fmt.Errorf("prepare must be a named function, and is the function literal or method value %s", name)
	}
	return name, nil
}

func execOnServer(ctx context.Context, srv *postgres.Server, sql string) error {
	conn, err := pgconn.Connect(ctx, srv.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}
