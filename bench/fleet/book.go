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

// A book is what workers have said, put together.
type book struct {
	mu      sync.Mutex
	changed chan struct{} // has an element when something was added
	entries
}

// entries are what a book holds.
type entries struct {
	proved    map[string]bool // tenants that have a proved run
	runs      map[*worker]int // finished, by who did
	resumed   int             // runs that went on where another had stopped
	takenOver map[string]bool // tenants whose run was put back into the queue
	lastTaken time.Time       // when the last of them was proved
	failed    int             // runs that did, to be tried again
}

// A line of a worker's log, as far as it matters here.
type line struct {
	Level   string `json:"level"`
	Message string `json:"msg"`
	Tenant  string `json:"tenant"`
	Resumed bool   `json:"resumed"`
}

func newBook() *book {
	return &book{changed: make(chan struct{}, 1), entries: entries{
		proved: map[string]bool{}, runs: map[*worker]int{}, takenOver: map[string]bool{},
	}}
}

// read enters what a worker logs until it ends. Warnings are shown, too.
func (b *book) read(w *worker, log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil || l.Level != "INFO" {
			fmt.Fprintf(os.Stderr, "%s\n", bytes.TrimSpace(lines.Bytes()))
		}
		b.enter(w, l)
	}
}

const putBack = "job rescued from a dead process"

func (b *book) enter(w *worker, l line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch l.Message {
	case "run finished":
		b.proved[l.Tenant] = true
		b.runs[w]++
		if l.Resumed {
			b.resumed++
		}
		if b.takenOver[l.Tenant] {
			b.lastTaken = time.Now()
		}
	case "run failed":
		b.failed++
	case putBack:
		if l.Tenant != "" {
			b.takenOver[l.Tenant] = true
		}
	default:
		return
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// close returns what the book holds. Nobody writes in it any more.
func (b *book) close() entries {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.entries
}

// await returns when so many tenants are proved.
func (b *book) await(ctx context.Context, n int) error {
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
