// Package postgres finds the PostgreSQL server binaries of this machine and
// runs a server of its own from them: a throw-away one for tests and the
// demo, or a kept one for a configuration that names no database. It needs no
// Docker, no network, no port and no password: a server listens on a Unix
// socket in a directory that only its own account can enter.
//
// # Who stops a kept server
//
// Any number of processes may use the server of one directory at a time. The
// first one starts it, the others join it, the last one to leave stops it,
// whichever came first. Each holds the writing end of a named pipe whose
// reading end is held by a small shell, the keeper, which is the server's
// parent: the operating system tells the keeper when the last user is gone,
// also when that user was killed. Starting and stopping are serialized by a
// file lock, so nobody joins a server that is about to stop.
//
// A server that died with its machine is recovered by PostgreSQL itself at the
// next Start; a postmaster.pid left behind is no obstacle, even where another
// process has been given the same process id since.
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

// superuser is the role every server is made with and every URL names.
const superuser = "postgres"

// Options say which server to start. The zero value is a throw-away server.
type Options struct {
	// Dir is the directory of a kept server: its data, log and socket. It is
	// made if missing and belongs to this package; a directory with other
	// things in it is refused. Empty: a temporary directory, deleted by Stop
	// or when the process ends, however it ends.
	Dir string

	// Fast trades safety for speed: what a crash of the machine leaves in Dir
	// is worthless, a crash of the server alone is survived. A throw-away
	// server is always fast.
	Fast bool
}

// A Server is a running PostgreSQL server that this process uses. Its methods
// may be called from any goroutine.
type Server struct {
	dir    serverDir
	binDir string

	stopping       sync.Mutex
	usersPipe      *os.File        // writing end of the keeper's pipe; nil: left
	usersLock      *os.File        // shared lock on the users file; nil: throw-away
	supervisorDone <-chan struct{} // closed when the keeper ended; nil: joined
}

// URL returns the connection string of a database of this server, which need
// not exist. It stays the same when the server is started again on its Dir.
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

// PID returns the process id of the server's postmaster, for tests that kill
// it.
func (s *Server) PID() (int, error) {
	return readPID(s.dir.pidFile())
}

// ping reports whether the server takes connections.
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
