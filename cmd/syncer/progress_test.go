package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
)

// lockedBuffer takes writes from several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestBarsComeAndGoWithTheListings(t *testing.T) {
	t.Parallel()
	var stdout, stderr lockedBuffer
	out := newOutput(processEnvironment{stdout: &stdout, stderr: &stderr}, true)
	out.bars = true
	show := newProgress(out, true)
	log := show.logger("acme")
	var wg sync.WaitGroup
	for _, l := range catalog.Select(nil) {
		wg.Go(func() {
			for n := range 10 {
				show.barUpdateFunc("acme")(extract.Progress{Listing: l, Items: 100 * n, Total: 1000, Parents: 1})
			}
			log.InfoContext(t.Context(), "listing read", "tenant", "acme", "listing", l.Name, "walk", "split", "distinct", 1000, "requests", 13, "proof", "complete")
		})
	}
	wg.Wait()
	log.WarnContext(t.Context(), "before the end")
	show.close()
	show.close()
	log.WarnContext(t.Context(), "after the end")
	for _, want := range []string{"acme users", "1,000 rows", "13 requests  complete", "before the end", "after the end"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in\n%s", want, stderr.String())
		}
	}
	if n := strings.Count(stdout.String(), `"type":"listing","tenant":"acme"`); n != len(catalog.Select(nil)) {
		t.Errorf("%d lines of JSON for %d listings", n, len(catalog.Select(nil)))
	}
	if len(show.open) > 0 {
		t.Errorf("%d bars are left", len(show.open))
	}
}

func TestOneRowByOneRequestIsSingular(t *testing.T) {
	t.Parallel()
	var stdout, stderr lockedBuffer
	out := newOutput(processEnvironment{stdout: &stdout, stderr: &stderr}, false)
	out.bars = true
	show := newProgress(out, true)
	show.showListingRead(listingReadLine{Tenant: "acme", Listing: "sso_connectors", Distinct: 1, Requests: 1, Proof: "complete"})
	show.close()
	if want := "1 row        1 request   complete\n"; !strings.Contains(stderr.String(), want) {
		t.Errorf("no %q in\n%s", want, stderr.String())
	}
}

func TestALineStandsInPlaceOfTheBarsWhileTheServerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	var stdout, stderr lockedBuffer
	out := newOutput(processEnvironment{stdout: &stdout, stderr: &stderr}, true)
	out.bars = true
	show := newProgress(out, true)
	for _, tenant := range []string{"acme", "other"} {
		show.barUpdateFunc(tenant)(extract.Progress{Listing: catalog.Find("users"), Items: 100, Total: 1000})
	}
	waiting := show.waitingFunc("acme")
	waiting(&logto.Waiting{Cause: "connection refused", Attempt: 4, Since: time.Now()})
	if len(show.open) != 1 || show.open["other users"] == nil || len(show.waits) != 1 {
		t.Errorf("%d bars and %d lines are shown, want the bar of the other tenant and one line", len(show.open), len(show.waits))
	}
	waiting(nil)
	show.barUpdateFunc("acme")(extract.Progress{Listing: catalog.Find("users"), Items: 200, Total: 1000})
	if len(show.open) != 2 || len(show.waits) != 0 {
		t.Errorf("%d bars and %d lines are shown when it answers again, want two bars", len(show.open), len(show.waits))
	}
	waiting(&logto.Waiting{Cause: "connection refused", Attempt: 1, Since: time.Now()})
	show.close()
	if got := stderr.String(); !strings.Contains(got, "acme waiting: connection refused, attempt 1, since ") {
		t.Errorf("the line is not shown:\n%s", got)
	}
}

func TestWithoutATerminalThereAreLogLinesOnly(t *testing.T) {
	t.Parallel()
	var stdout, stderr lockedBuffer
	out := newOutput(processEnvironment{stdout: &stdout, stderr: &stderr}, false)
	out.applyFlags(false, false, false)
	show := newProgress(out, false)
	if show.barUpdateFunc("acme") != nil {
		t.Error("nobody looks, and it wants to be told of pages")
	}
	show.logger("acme").With("job", "nightly").InfoContext(t.Context(), "listing read", "listing", "users", "distinct", 3)
	show.close()
	if got := stderr.String(); !strings.Contains(got, `"msg":"listing read"`) || !strings.Contains(got, `"job":"nightly"`) || stdout.String() != "" {
		t.Errorf("stderr %q, stdout %q", got, stdout.String())
	}
}
