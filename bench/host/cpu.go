package host

import (
	"fmt"

	"github.com/prometheus/procfs"

	"logto-syncer/internal/postgres"
)

// ticksPerSecond is the unit of processor time in /proc, on every Linux that Go
// supports.
const ticksPerSecond = 100

// ServerCPUTime returns the processor time in seconds that all processes of a server have
// used so far, those that have ended included. Unlike the duration of its
// queries, it does not include waiting for the client or for a processor.
func ServerCPUTime(server *postgres.Server) (seconds float64, err error) {
	postmaster, err := server.PID()
	if err != nil {
		return 0, err
	}
	// A process that ends between the reading of the postmaster and its own would
	// be counted in neither, so the time of ended ones must not change meanwhile.
	for {
		before, err := processStat(postmaster)
		if err != nil {
			return 0, err
		}
		running, err := ticksOfChildren(postmaster)
		if err != nil {
			return 0, err
		}
		after, err := processStat(postmaster)
		if err != nil {
			return 0, err
		}
		if ended := after.CUTime + after.CSTime; ended == before.CUTime+before.CSTime {
			return float64(uint(ended)+after.UTime+after.STime+running) / ticksPerSecond, nil
		}
	}
}

// MeasureServerCPUTime returns the processor time in seconds that a server uses while f runs.
func MeasureServerCPUTime(server *postgres.Server, f func() error) (seconds float64, err error) {
	before, err := ServerCPUTime(server)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := ServerCPUTime(server)
	return after - before, err
}

// CPUTime returns the processor time in seconds that a process has used so far.
func CPUTime(pid int) (seconds float64, err error) {
	stat, err := processStat(pid)
	return stat.CPUTime(), err
}

// PeakMemory returns the most memory a process has had so far, in MB of 10^6
// bytes; zero if it has ended.
func PeakMemory(pid int) float64 {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	status, err := proc.NewStatus()
	if err != nil {
		return 0
	}
	return float64(status.VmHWM) / 1e6
}

func processStat(pid int) (procfs.ProcStat, error) {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return procfs.ProcStat{}, fmt.Errorf("find process %d: %w", pid, err)
	}
	return proc.Stat()
}

// ticksOfChildren returns the processor time of a process's running children.
func ticksOfChildren(parent int) (ticks uint, err error) {
	procs, err := procfs.AllProcs()
	if err != nil {
		return 0, err
	}
	for _, proc := range procs {
		s, err := proc.Stat()
		if err == nil && s.PPID == parent { // an error: it has ended
			ticks += s.UTime + s.STime
		}
	}
	return ticks, nil
}
