package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/postgres"
)

// ticks are those of a second in /proc, on every Linux Go runs on.
const ticks = 100

// CPU returns the seconds of processor time a server has taken so far, in all
// its processes: backends, those that have ended, the checkpointer, the
// background writer. It is what a server charges for work, unlike the time
// queries were under way, in which they also wait for the client and, on a
// machine with two cores, for everybody else.
func CPU(server *postgres.Server) (float64, error) {
	postmaster, err := server.PID()
	if err != nil {
		return 0, err
	}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	total := 0
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, fields := splitStat(string(stat))
		if pid != postmaster && fields[1] != strconv.Itoa(postmaster) {
			continue
		}
		for i, field := range fields[11:15] { // utime, stime, cutime, cstime
			n, err := strconv.Atoi(field)
			if err != nil {
				return 0, fmt.Errorf("read %s: %w", file, err)
			}
			if i < 2 || pid == postmaster {
				total += n
			}
		}
	}
	return float64(total) / ticks, nil
}

// splitStat returns the pid and the fields from the state on: the name before
// them may hold anything.
func splitStat(stat string) (pid int, fields []string) {
	first, _, _ := strings.Cut(stat, " ")
	pid, _ = strconv.Atoi(first)
	fields = strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	for len(fields) < 15 {
		fields = append(fields, "0")
	}
	return pid, fields
}

// Settings says how a server is set, as a report quotes it.
func Settings(ctx context.Context, server *postgres.Server) (string, error) {
	conn, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var version string
	if err := conn.QueryRow(ctx, "show server_version").Scan(&version); err != nil {
		return "", err
	}
	out := []string{"PostgreSQL " + strings.Fields(version)[0]}
	for _, name := range []string{"fsync", "full_page_writes", "wal_compression", "shared_buffers", "max_wal_size", "work_mem", "jit"} {
		var value string
		if err := conn.QueryRow(ctx, "select current_setting($1)", name).Scan(&value); err != nil {
			return "", err
		}
		out = append(out, name+"="+value)
	}
	return strings.Join(out, ", "), nil
}
