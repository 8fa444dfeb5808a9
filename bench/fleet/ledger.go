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

// A ledger is what workers have said, put together.
type ledger struct {
	mu      sync.Mutex
	changed chan struct{} // has an element when something was added
	ledgerEntries
}

// ledgerEntries are what a book holds.
type ledgerEntries struct {
	proved            map[string]bool // tenants that have a proved run
	runs              map[*worker]int // finished, by who did
	resumed           int             // runs that went on where another had stopped
	rescued           map[string]bool // tenants whose run was put back into the queue
	lastRescuedProved time.Time       // when the last of them was proved
	failed            int             // runs that did, to be tried again
}

// A logLine of a worker's log, as far as it matters here.
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

// readLog enters what a worker logs until it ends. Warnings are shown, too.
func (b *ledger) readLog(w *worker, log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l logLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Level != "INFO" {
			fmt.Fprintf(os.Stderr, "%s\n", bytes.TrimSpace(lines.Bytes()))
		}
		b.addLine(w, l)
	}
}

const rescuedMessage = "job rescued from a dead process"

func (b *ledger) addLine(w *worker, l logLine) {
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

// result returns what the book holds. Nobody writes in it any more.
func (b *ledger) result() ledgerEntries {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledgerEntries
}

// awaitProved returns when so many tenants are proved.
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
