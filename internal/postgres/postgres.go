// Package postgres finds the PostgreSQL server binaries of this machine and
// runs an embedded server with them: a temporary one for tests and the demo, or
// a persistent one for a configuration that names no database. It needs no
// Docker, no network, no port and no password: a server listens on a Unix
// socket in a directory that only its own OS user can enter.
//
// # Who stops a persistent server
//
// Any number of processes may use the server of one directory at the same time.
// The first one starts it, the others join it, and the last one to leave stops
// it. Each process holds the writing end of a named pipe. Its reading end is
// held by the supervisor, a shell script that is the parent of the server: the
// operating system closes the pipe when the last process has ended, even if it
// was killed. A file lock serializes starting and stopping, so no process joins
// a server that is about to stop.
//
// After a crash of the machine, PostgreSQL recovers the data at the next Start.
// A postmaster.pid that was left behind does no harm, even if another process
// has the same process id now.
//
// # Replaced binaries
//
// A package upgrade replaces the server's binaries while it runs. The old server
// may then be unable to load its libraries (SQLSTATE 58P01). Start and
// RestartIfBinariesBroken restart such a server with the new binaries, and the processes
// that use it connect again.
package postgres

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// superuser is the role that every server is created with and every URL names.
const superuser = "postgres"

// Options select the server to start. The zero value is a temporary server.
type Options struct {
	// Dir is the directory of a persistent server: its data, log and socket. It
	// is created if it does not exist and belongs to this package; a directory
	// with other files in it is refused. Empty: a temporary directory, deleted by
	// Stop or when the process ends, even if it is killed.
	Dir string

	// Fast turns fsync off: a crash of the machine destroys the data, a crash of
	// the server does not. A temporary server is always fast.
	Fast bool

	// BinDir is the directory of the server binaries. Empty: FindBinaries.
	BinDir string
}

// A Server is a running PostgreSQL server that this process uses. Its methods
// may be called concurrently.
type Server struct {
	dir     serverDir
	options Options
	binDir  string

	mu             sync.Mutex
	restarted      bool            // by Start
	usersPipe      *os.File        // writing end of the supervisor's pipe; nil: stopped
	usersLock      *os.File        // shared lock on the users file; nil: temporary
	supervisorDone <-chan struct{} // closed when the supervisor ends; nil: joined
}

// URL returns the connection string of a database of this server. The database
// need not exist. The URL stays the same when the server is started again in its
// directory.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {s.dir.socketDir}}.Encode(),
	}
	return u.String()
}

// PsqlCommand returns the command line, quoted for a shell, that connects psql
// to a database of this server.
func (s *Server) PsqlCommand(database string) string {
	psql := "psql"
	if own := filepath.Join(s.binDir, "psql"); isExecutable(own) && !commandExists("psql") {
		psql = own
	}
	words := []string{psql, "-h", s.dir.socketDir, "-U", superuser, "-d", database}
	for i, w := range words {
		words[i] = shellQuote(w)
	}
	return strings.Join(words, " ")
}

// PID returns the process id of the server's postmaster.
func (s *Server) PID() (int, error) {
	return readPID(s.dir.pidFile())
}

// RestartedByStart reports whether Start joined a server with replaced binaries and
// restarted it: see RestartIfBinariesBroken.
func (s *Server) RestartedByStart() bool { return s.restarted }

// ping checks that the server accepts connections.
func (s *Server) ping(ctx context.Context) error {
	conn, err := pgconn.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

var unquotedWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

func shellQuote(word string) string {
	if unquotedWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
