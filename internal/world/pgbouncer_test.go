package world_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// password is what clients of the pooler send; the server behind it asks nobody.
const password = "pooled"

// PgBouncer starts PgBouncer in its packaged configuration before the database
// of a connection string. Settings, like "pool_mode = transaction", are added to
// it. The caller closes the server.
func PgBouncer(ctx context.Context, database string, settings ...string) (*ProxyOrPooler, error) {
	cfg, err := pgconn.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	s, err := newProxy()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, err
	}
	config, err := packagedConfig("/etc/pgbouncer/pgbouncer.ini",
		"[databases]\n", fmt.Sprintf("[databases]\n%s = host=%s port=%d user=%s\n", cfg.Database, cfg.Host, cfg.Port, cfg.User),
		"/var/log/postgresql/pgbouncer.log", s.path("pgbouncer.log"),
		"/var/run/postgresql/pgbouncer.pid", s.path("pid"),
		"listen_addr = localhost", "listen_addr = "+host,
		"listen_port = 6432", "listen_port = "+port,
		"unix_socket_dir = /var/run/postgresql", "unix_socket_dir = "+s.Dir,
		"/etc/pgbouncer/userlist.txt", s.path("userlist.txt"))
	if err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // it does not run as root
		settings = append(settings, "user = postgres")
	}
	if err := s.write("pgbouncer.ini", config+"\n"+strings.Join(settings, "\n")+"\n"); err != nil {
		return nil, err
	}
	if err := s.write("userlist.txt", fmt.Sprintf("%q %q\n", cfg.User, password)); err != nil {
		return nil, err
	}
	if err := s.giveTo("postgres"); err != nil {
		return nil, err
	}
	return s, s.start(ctx, "pgbouncer", s.path("pgbouncer.ini"))
}

// PooledURL is the connection string of database through the pooler s.
func (s *ProxyOrPooler) PooledURL(database string) (string, error) {
	cfg, err := pgconn.ParseConfig(database)
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, password), Host: s.Addr, Path: "/" + cfg.Database, RawQuery: "sslmode=disable"}
	return u.String(), nil
}

// giveTo makes a user the owner of the server's directory, if root runs it.
func (s *ProxyOrPooler) giveTo(name string) error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	gid, errGroup := strconv.Atoi(u.Gid)
	return errors.Join(err, errGroup, os.Chown(s.Dir, uid, gid))
}
