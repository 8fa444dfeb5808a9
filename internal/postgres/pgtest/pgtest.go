// Package pgtest gives every test a PostgreSQL database of its own.
//
// One throw-away server serves a test binary. It is started by the first test
// that asks for a database and ends with the binary, however that ends, so no
// TestMain is needed and databases are not dropped. On a machine without
// PostgreSQL the tests fail and say how to install it: they do not skip.
package pgtest

import (
	"context"
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

// setupTimeout bounds what is done for a test, generously: a busy machine is no
// reason to fail.
const setupTimeout = 2 * time.Minute

// Prepare fills a database that others are copied from: its migrations and
// what every test of a kind begins with. It must be a function with a name,
// for the name says which copies are alike.
type Prepare func(context.Context, *pgxpool.Pool) error

// New returns a pool on a database of the test's own, a copy of one that
// prepare has filled once for the whole test binary; nil: an empty database.
// The pool is closed with the test. A failed test logs how to connect to its
// database, which is there for as long as the test binary runs.
func New(t testing.TB, prepare Prepare) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), URL(t, prepare))
	if err != nil {
		t.Fatalf("connect to the test's database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// URL is New for tests that connect by themselves, such as those of commands:
// it returns the connection string of the test's own database.
func URL(t testing.TB, prepare Prepare) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	url, err := sharedServer.database(ctx, prepare)
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

// sharedServer is the server of this test binary. It is the one thing that tests
// have in common, so it cannot be handed to them.
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

// started starts the server if this is the first call. Not even the context
// of the first test may end it, for it serves the others.
func (s *lazyServer) started() (*postgres.Server, error) {
	s.start.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		s.postgres, s.err = postgres.Start(ctx, postgres.Options{})
	})
	return s.postgres, s.err
}

// database makes a database and returns its connection string.
func (s *lazyServer) database(ctx context.Context, prepare Prepare) (string, error) {
	srv, err := s.started()
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
	return srv.URL(name), execSQL(ctx, srv, fmt.Sprintf("create database %s template %s", name, source))
}

// template returns the name of the database that prepare has filled.
func (s *lazyServer) template(prepare Prepare) (string, error) {
	key, err := functionName(prepare)
	if err != nil {
		return "", err
	}
	entry, _ := s.templates.LoadOrStore(key, &template{})
	t := entry.(*template)
	t.fill.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		t.name = fmt.Sprintf("template_%d", s.databases.Add(1))
		if t.err = prepareDatabase(ctx, s.postgres, t.name, prepare); t.err != nil {
			t.err = fmt.Errorf("prepare with %s: %w", key, t.err)
		}
	})
	return t.name, t.err
}

func prepareDatabase(ctx context.Context, srv *postgres.Server, name string, prepare Prepare) error {
	if err := execSQL(ctx, srv, "create database "+name); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, srv.URL(name))
	if err != nil {
		return err
	}
	defer pool.Close()
	return prepare(ctx, pool)
}

// unnamedFunction is how the runtime names a function that has no name of its own, or
// one bound to a receiver: two of a name may differ in what they have caught.
var unnamedFunction = regexp.MustCompile(`\.func\d+(\.\d+)*$|-fm$`)

func functionName(prepare Prepare) (string, error) {
	name := runtime.FuncForPC(reflect.ValueOf(prepare).Pointer()).Name()
	if unnamedFunction.MatchString(name) {
		return "", fmt.Errorf("prepare is the function literal or method value %s: want a function with a name", name)
	}
	return name, nil
}

func execSQL(ctx context.Context, srv *postgres.Server, sql string) error {
	conn, err := pgconn.Connect(ctx, srv.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql).ReadAll()
	if cerr := conn.Close(ctx); err == nil {
		err = cerr
	}
	return err
}
