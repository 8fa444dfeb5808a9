// Package host has what the benchmarks share: a PostgreSQL server, its processor
// time, the description of the machine, and statistics. It reads /proc, so it
// measures on Linux only.
package host

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine describes the machine in a line.
func Machine() string {
	return fmt.Sprintf("%d cores of %s, %s of memory, %s/%s, %s", runtime.NumCPU(), processor(), memory(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return "an unknown processor"
}

func memory() string {
	info, _ := os.ReadFile("/proc/meminfo")
	var kb float64
	if _, err := fmt.Sscanf(string(info), "MemTotal: %f kB", &kb); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.0f GB", kb*1024/1e9)
}
