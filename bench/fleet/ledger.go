package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A ledger counts what the workers log.
type ledger struct {
	mu      sync.Mutex
	changed chan struct{} // has an element when a line was added
	ledgerEntries
}

// ledgerEntries are the counts of a ledger.
type ledgerEntries struct {
	proved            map[string]bool // tenants that have a proved run
	runs              map[*worker]int // finished runs, by worker
	resumed           int             // runs that resumed an earlier one
	rescued           map[string]bool // tenants whose run was rescued from a dead worker
	lastRescuedProved time.Time       // when the last rescued tenant was proved
	failed            int             // failed runs, which are repeated
}

// A logLine is a line of a worker's log.
type logLine struct {
	Level   string `json:"level"`
	Message string `json:"msg"`
	Tenant  string `json:"tenant"`
	Resumed bool   `json:"resumed"`
}

func newLedger() *ledger {
	return &ledger{changed: make(chan struct{}, 1), ledgerEntries: ledgerEntries{
		proved: map[string]bool{}, runs: map[*worker]int{}, rescued: map[string]bool{},
	}}
}

// readLog adds the lines of a worker's log until it ends. It prints warnings.
func (b *ledger) readLog(w *worker, log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l logLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Level != "INFO" {
			fmt.Fprintf(os.Stderr, "%s\n", bytes.TrimSpace(lines.Bytes()))
		}
		b.countLogLine(w, l)
	}
}

const rescuedMessage = "job rescued from a dead process"

func (b *ledger) countLogLine(w *worker, l logLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch l.Message {
	case "run finished":
		b.proved[l.Tenant] = true
		b.runs[w]++
		if l.Resumed {
			b.resumed++
		}
		if b.rescued[l.Tenant] {
			b.lastRescuedProved = time.Now()
		}
	case "run failed":
		b.failed++
	case rescuedMessage:
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

// result returns the counts, after the workers have ended.
func (b *ledger) result() ledgerEntries {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledgerEntries
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
