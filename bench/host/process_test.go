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

func TestAProcessThatIsStoppedMayEndByTheSignalOrBeforeButNotFail(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script string
		want   string // in the error
	}{
		"it ends by the signal":       {`echo '{}'; exec sleep 600`, ""},
		"it ends well by itself":      {`trap 'exit 0' TERM; echo '{}'; while :; do sleep 0.01; done`, ""},
		"it was killed":               {`echo '{}'; kill -KILL $$`, ""},
		"it fails when it is stopped": {`trap 'exit 3' TERM; echo '{}'; while :; do sleep 0.01; done`, "exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := host.StartReadyProcess(exec.CommandContext(t.Context(), "sh", "-c", tc.script), new(struct{}))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Stop(); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
