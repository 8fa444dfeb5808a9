package extract

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Findings are what reading a chunk has come to beside its items. They are
// committed with the chunk's checkpoint, so that a resumed walk neither forgets
// them nor counts them twice.
type Findings struct {
	Requests int            `json:"q,omitempty"` // pages asked for
	Outcome  ProofOutcome   `json:"o,omitempty"` // empty: Complete
	Reason   string         `json:"r,omitempty"` // why the outcome is not Complete
	Notes    map[string]int `json:"c,omitempty"` // what else happened, and how often
}

// outcomeRank orders the outcomes, the worst last.
var outcomeRank = map[ProofOutcome]int{"": 0, Complete: 0, NotProved: 1, Failed: 2, Unknown: 3}

// downgrade keeps the worst outcome, with the first reason given for it.
func (f *Findings) downgrade(o ProofOutcome, reason string) {
	if outcomeRank[o] > outcomeRank[f.Outcome] {
		f.Outcome, f.Reason = o, reason
	}
}

func (f *Findings) addNote(what string, n int) {
	if n == 0 {
		return
	}
	if f.Notes == nil {
		f.Notes = map[string]int{}
	}
	f.Notes[what] += n
}

// A findingsCollector collects the findings of chunks that are read one after another.
// Each checkpoint takes what was found since the one before it. What is found
// after the last one is in no checkpoint: a resumed walk reads that again.
type findingsCollector struct {
	mu       sync.Mutex
	findings Findings
}

type findingsCollectorKey struct{}

// withFindingsCollector begins a scope. Chunks that are read at the same time need a
// scope each, or the checkpoint of one would take what was found in another.
func withFindingsCollector(ctx context.Context) context.Context {
	return context.WithValue(ctx, findingsCollectorKey{}, &findingsCollector{})
}

// updateFindingsCollector adds to the scope of ctx; without one, nothing is kept for a checkpoint.
func updateFindingsCollector(ctx context.Context, add func(*Findings)) {
	if s, ok := ctx.Value(findingsCollectorKey{}).(*findingsCollector); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		add(&s.findings)
	}
}

// takeFindings empties the scope of ctx.
func takeFindings(ctx context.Context) (f Findings) {
	updateFindingsCollector(ctx, func(have *Findings) { f, *have = *have, Findings{} })
	return f
}

// downgrade records why the listing cannot be proved. The worst outcome stays,
// with the first reason given for it.
func (k *walk) downgrade(ctx context.Context, o ProofOutcome, reason string) {
	k.updateFindings(ctx, func(f *Findings) { f.downgrade(o, reason) })
}

// addNote counts something a reader of the certificate should know.
func (k *walk) addNote(ctx context.Context, what string, n int) {
	k.updateFindings(ctx, func(f *Findings) { f.addNote(what, n) })
}

// addRequest counts a request.
func (k *walk) addRequest(ctx context.Context) {
	k.updateFindings(ctx, func(f *Findings) { f.Requests++ })
}

// updateFindings adds to the findings of the walk and to those of the chunk that is being
// read in ctx.
func (k *walk) updateFindings(ctx context.Context, add func(*Findings)) {
	updateFindingsCollector(ctx, add)
	k.mu.Lock()
	defer k.mu.Unlock()
	add(&k.proof.Findings)
}

// restore takes over the checkpoints of earlier attempts, in the order they were
// made, and adds what they found to the proof. A checkpoint can be there twice:
// the attempt was broken off before it knew that the first was committed.
func (k *walk) restore(checkpoints []Checkpoint) {
	k.checkpoints = make(map[checkpointKey]Checkpoint, len(checkpoints))
	for _, c := range checkpoints {
		var rereads int
		if _, err := fmt.Sscanf(c.Name, rereadFormat, &rereads); err == nil {
			k.noteParentReread(c.Parent, rereads)
		}
		key := checkpointKey{c.Parent, c.Name}
		_, twice := k.checkpoints[key]
		k.checkpoints[key] = c
		if twice {
			continue
		}
		k.proof.merge(c.Findings)
		if strings.HasPrefix(c.Name, referencePrefix) {
			k.proof.Distinct += c.Rows
		}
	}
}

// merge sums up findings.
func (f *Findings) merge(more Findings) {
	f.Requests += more.Requests
	f.downgrade(more.Outcome, more.Reason)
	for what, n := range more.Notes {
		f.addNote(what, n)
	}
}
