// Package host has what the benchmarks share: a PostgreSQL server, processes with
// their processor time and memory, the description of the machine, and
// statistics. It reads /proc, so it measures on Linux only.
package host

import (
	"fmt"
	"runtime"

	"github.com/prometheus/procfs"
)

// Machine describes the machine in a line.
func Machine() string {
	processor, memory := "an unknown processor", "an unknown amount"
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if cpus, err := fs.CPUInfo(); err == nil && len(cpus) > 0 && cpus[0].ModelName != "" {
			processor = cpus[0].ModelName
		}
		if info, err := fs.Meminfo(); err == nil && info.MemTotal != nil {
			memory = fmt.Sprintf("%.0f GB", float64(*info.MemTotal)*1024/1e9)
		}
	}
	return fmt.Sprintf("%d cores of %s, %s of memory, %s/%s, %s", runtime.NumCPU(), processor, memory, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
