package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestADurationInALogLineHasItsUnit(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	out := &output{stderr: &log}
	out.logger(&log).Warn("database operation failed, trying again", "wait", 1500*time.Millisecond)
	if !strings.Contains(log.String(), `"wait":"1.5s"`) {
		t.Errorf("the log line is %s", log.String())
	}
}
