// Package host tells what a measurement was made on, and what it cost a
// PostgreSQL server. It reads /proc, and knows less where there is none.
package host

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine describes the machine in a line, for a report.
func Machine() string {
	return fmt.Sprintf("%d cores of %s, %s of memory, %s/%s, %s", runtime.NumCPU(), processor(), memory(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// processor returns the name of the processor, as far as the system tells.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return "a processor that does not tell its name"
}

func memory() string {
	info, _ := os.ReadFile("/proc/meminfo")
	var kb float64
	if _, err := fmt.Sscanf(string(info), "MemTotal: %f kB", &kb); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.0f GB", kb*1024/1e9)
}
