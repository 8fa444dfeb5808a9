package postgres

import "runtime"

// serverSettings returns the server's settings as command line options.
func serverSettings(o Options, sockets string) []string {
	args := []string{
		"-c", "listen_addresses=",
		"-c", "port=5432",
		"-c", "unix_socket_directories=" + sockets,
		"-c", "unix_socket_permissions=0700",
		"-c", "timezone=UTC",
		"-c", "log_timezone=UTC",
		"-c", "shared_buffers=256MB",
		"-c", "max_wal_size=2GB",
		"-c", "jit=off", // costs more than it gives in queries of milliseconds
	}
	if o.temporary() {
		// The data is never read again, so a commit need not be written.
		args = append(args, "-c", "synchronous_commit=off")
	}
	if o.temporary() || o.Fast {
		return append(args,
			"-c", "fsync=off",
			"-c", "full_page_writes=off",
			"-c", "max_connections=300", // many tests in parallel, each with a pool
		)
	}
	return append(args,
		"-c", "wal_compression=on",
		// The log must not contain data of the tables: no statements, and no
		// details that quote a row.
		"-c", "log_min_error_statement=panic",
		"-c", "log_error_verbosity=terse",
	)
}

// temporary reports whether the server's files are deleted when it stops.
func (o Options) temporary() bool { return o.Dir == "" }

// clusterLocale is a locale that every system has, independent of the user's
// settings: it sorts by code point, and on Linux knows the case of letters beyond
// ASCII.
func clusterLocale() string {
	if runtime.GOOS == "linux" {
		return "C.UTF-8"
	}
	return "C"
}
