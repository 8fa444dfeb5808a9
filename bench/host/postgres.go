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
	// One that ends after its postmaster was read and before it is would be in
	// neither, so nothing may be added to those that have ended meanwhile.
	for {
		before, err := ticksOf(postmaster)
		if err != nil {
			return 0, err
		}
		alive, err := ticksOfChildren(postmaster)
		if err != nil {
			return 0, err
		}
		after, err := ticksOf(postmaster)
		if err != nil {
			return 0, err
		}
		if before.ended == after.ended {
			return float64(after.own+after.ended+alive) / ticks, nil
		}
	}
}

// spent is the processor time of a process, in ticks.
type spent struct{ own, ended int }

// ticksOf returns what a process has spent, and its children that have ended.
func ticksOf(pid int) (s spent, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	return splitStat(string(stat)).spent()
}

// ticksOfChildren returns what the children of a process that are alive have
// spent.
func ticksOfChildren(of int) (total int, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		stat := splitStat(string(text))
		if stat[1] != strconv.Itoa(of) {
			continue
		}
		s, err := stat.spent()
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", file, err)
		}
		total += s.own
	}
	return total, nil
}

// A stat is the fields of /proc/*/stat from the state on: the name before them
// may hold anything.
type stat []string

func splitStat(text string) stat {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	for len(fields) < 15 {
		fields = append(fields, "0")
	}
	return fields
}

// spent is utime and stime, and cutime and cstime.
func (f stat) spent() (s spent, err error) {
	var n [4]int
	for i := range n {
		if n[i], err = strconv.Atoi(f[11+i]); err != nil {
			return s, err
		}
	}
	return spent{n[0] + n[1], n[2] + n[3]}, nil
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
