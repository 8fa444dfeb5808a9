package host_test

import (
	"os/exec"
	"strings"
	"testing"

	"logto-syncer/bench/host"
)

func TestAProcessIsReadyWhenItHasSaidSo(t *testing.T) {
	t.Parallel()
	// More than a pipe holds: what follows the line has to be read.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `echo '{"address":"here"}'; head -c 200000 /dev/zero`)
	var ready struct{ Address string }
	p, err := host.StartReadyProcess(cmd, &ready)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil || ready.Address != "here" {
		t.Errorf("it is at %q and ended with %v", ready.Address, err)
	}
}

func TestAProcessThatIsNotReadyIsEnded(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"it ends first":                  "exit 3",
		"it writes something else":       "echo hello; exec cat /dev/zero",
		"it ends in the midst of a line": `printf '{"address":'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
			_, err := host.StartReadyProcess(cmd, new(struct{ Address string }))
			if err == nil || !strings.Contains(err.Error(), "is not ready") || cmd.ProcessState == nil {
				t.Errorf("error %v, state %v", err, cmd.ProcessState)
			}
		})
	}
}
