package mirror_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
)

// recorder keeps the text of every statement that is sent to the database.
type recorder struct {
	mu         sync.Mutex
	statements map[string]bool
}

// recording returns a pool on the same database whose statements are recorded,
// below pgx: whichever of its functions sends them.
func recording(t *testing.T, pool *pgxpool.Pool) (*pgxpool.Pool, *recorder) {
	t.Helper()
	r := &recorder{statements: map[string]bool{}}
	cfg := pool.Config()
	cfg.ConnConfig.BuildFrontend = func(from io.Reader, to io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(from, io.MultiWriter(to, &recordedConn{r: r}))
	}
	recorded, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(recorded.Close)
	return recorded, r
}

func (r *recorder) add(statement string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements[statement] = true
}

// recordedConn takes apart what a client sends: one message without a type, which
// starts the connection, and then messages of a type, a length and a body.
type recordedConn struct {
	r       *recorder
	unread  []byte
	started bool
}

func (c *recordedConn) Write(p []byte) (int, error) {
	c.unread = append(c.unread, p...)
	for {
		head := 0
		if c.started {
			head = 1
		}
		if len(c.unread) < head+4 {
			return len(p), nil
		}
		end := head + int(binary.BigEndian.Uint32(c.unread[head:]))
		if len(c.unread) < end {
			return len(p), nil
		}
		if c.started {
			c.message(c.unread[0], c.unread[head+4:end])
		}
		c.started, c.unread = true, c.unread[end:]
	}
}

// message records the statement of a simple query, or of one to prepare, before
// which there is the name it is prepared under.
func (c *recordedConn) message(kind byte, body []byte) {
	if kind == 'P' {
		_, body, _ = bytes.Cut(body, []byte{0})
	}
	if kind == 'P' || kind == 'Q' {
		statement, _, _ := bytes.Cut(body, []byte{0})
		c.r.add(string(statement))
	}
}
