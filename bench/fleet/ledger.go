package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// A ledger counts what the workers log. Its counts may be read once the workers
// have ended.
type ledger struct {
	mu                sync.Mutex
	changed           chan struct{}   // has an element when a line was added
	proved            map[string]bool // tenants that have a proved run
	resumed           int             // runs that resumed an earlier one
	rescued           map[string]bool // tenants whose run was rescued from a dead worker
	lastRescuedProved time.Time       // when the last rescued tenant was proved
	failed            int             // failed runs, which are repeated
}

func newLedger() *ledger {
	return &ledger{changed: make(chan struct{}, 1), proved: map[string]bool{}, rescued: map[string]bool{}}
}

// A workerLog is the log of a worker, whose lines are counted in the ledger.
type workerLog struct {
	worker *worker
	ledger *ledger
	rest   []byte // of a line that is not complete yet
}

// Write implements io.Writer.
func (l *workerLog) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, complete := bytes.Cut(l.rest, []byte("\n"))
		if !complete {
			return len(p), nil
		}
		l.rest = rest
		l.ledger.countLogLine(l.worker, line)
	}
}

// countLogLine counts a line of a worker's log. It prints warnings.
func (b *ledger) countLogLine(w *worker, line []byte) {
	var l struct {
		Level, Msg, Tenant string
		Resumed            bool
	}
	if err := json.Unmarshal(line, &l); err != nil || l.Level != "INFO" {
		fmt.Fprintf(os.Stderr, "%s\n", line)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch l.Msg {
	case "run finished":
		b.proved[l.Tenant] = true
		w.runs++
		if l.Resumed {
			b.resumed++
		}
		if b.rescued[l.Tenant] {
			b.lastRescuedProved = time.Now()
		}
	case "run failed":
		b.failed++
	case "job rescued from a dead process":
		if l.Tenant != "" {
			b.rescued[l.Tenant] = true
		}
	default:
		return
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// awaitProved waits until n tenants are proved.
func (b *ledger) awaitProved(ctx context.Context, n int) error {
	for {
		b.mu.Lock()
		have := len(b.proved)
		b.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-b.changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d tenants are proved: %w", have, n, ctx.Err())
		}
	}
}
