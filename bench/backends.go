package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticks are those of a second in /proc, on every Linux Go runs on.
const ticks = 100

// cpu returns the seconds of processor time the server has taken so far, in
// all its processes: backends, those that have ended, the checkpointer, the
// background writer. It is what a server charges for work, unlike the time
// queries were under way, in which they also wait for the client and, on a
// machine with two cores, for everybody else.
func (l *lab) cpu() (float64, error) {
	postmaster, err := l.server.PID()
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
