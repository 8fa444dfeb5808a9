// Package extract reads the listings of a tenant, each to its proof. A walk
// ends with a Proof that says whether what was read is all there is, or what
// stands in the way. It knows the Management API through package logto and
// hands on what it reads chunk by chunk; where that goes is the Store's affair.
//
// A chunk is what one statement of the server answered: a whole list, one page,
// a range of ids, a batch of known ids; or a range that came in several pages, which
// are proved together. Nothing that was read is kept in memory beyond the chunk it came
// in, but for the ids of lists that have to be read twice.
package extract

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// ErrStopped ends a walk that was asked to stop between two requests. What is
// done is marked, and the next attempt of the run goes on from there.
var ErrStopped = errors.New("stopped before the end")

// An Item is one element of a listing as the API sent it.
type Item struct {
	ID    string         // identifies it below its parent
	Value jsontext.Value // the object; belongs to the page it came in
}

// A Hash tells whether what is stored of an item has changed. What it is made
// of is the Store's affair.
type Hash [16]byte

// Known is an item the mirror has. A stale one is to be read again even if it
// is known to have no more than its id: what is stored of it has to change.
type Known struct {
	ID    string
	Hash  Hash
	Stale bool
}

// A Chunk is what one statement of the server answered, or several that are proved
// together, and what follows of it for the mirror.
type Chunk struct {
	Listing    *catalog.Listing
	Parent     string          // id of the parent; empty at the top
	Items      []Item          // to be in the mirror as they are here
	Known      map[string]Hash // what the mirror has of the items; nil: not looked up
	Deleted    []string        // ids that are to leave the mirror
	Checkpoint Checkpoint      // to be committed with the chunk; without a name there is none
}

// A Checkpoint says that a chunk is done and what a resumed walk has to know of it.
type Checkpoint struct {
	Parent string   `json:"p,omitempty"`
	Name   string   `json:"m"`
	Total  int      `json:"t,omitempty"` // Total-Number as it was then
	Rows   int      `json:"n,omitempty"` // items of the chunk
	IDs    []string `json:"i,omitempty"` // what else the walk has to remember
	// Unreadable is how many rows of the chunk the server cannot send.
	Unreadable int `json:"u,omitempty"`
	// Known is how many items of the chunk the mirror had before; the Store
	// fills it in where it needs it.
	Known int `json:"k,omitempty"`
	Findings
}

// Mirror is what the walks ask about the tables as they were last published.
type Mirror interface {
	// KnownInRange returns the items of a listing below one parent whose ids are in
	// [from, to), by id, at most limit of them, all with a limit of 0. An empty
	// to has no end.
	KnownInRange(ctx context.Context, l *catalog.Listing, parent, from, to string, limit int) ([]Known, error)
	// CountBelowParent returns how many items of a listing the mirror has below one parent.
	CountBelowParent(ctx context.Context, l *catalog.Listing, parent string) (int, error)
	// KnownByID returns which of the ids the mirror has below one parent.
	KnownByID(ctx context.Context, l *catalog.Listing, parent string, ids []string) ([]Known, error)
	// ProvedUntil returns up to when an append-only listing is proved, by the
	// server's clock; zero: it never was.
	ProvedUntil(ctx context.Context, l *catalog.Listing) (time.Time, error)
}

// Store takes what the walks read. Its methods may be called concurrently.
type Store interface {
	// Put stores a chunk with its checkpoint. It may keep a chunk without changes and
	// its checkpoint for a moment and store them with the next one.
	Put(ctx context.Context, p Chunk) error
	// Checkpoints returns the checkpoints an earlier attempt of the run has left.
	Checkpoints(ctx context.Context, l *catalog.Listing) ([]Checkpoint, error)
	// Parents returns the ids of a listing as this run has found them so far,
	// those greater than after by id, at most limit of them, only those of the
	// type unless it is empty.
	Parents(ctx context.Context, l *catalog.Listing, kind, after string, limit int) ([]string, error)
}

// API is what the walks ask of the Management API; *logto.Client answers it.
type API interface {
	// List reads an array: one page of it, or all where it comes whole.
	List(ctx context.Context, path string, query url.Values) (logto.Page, error)
	// ListOnce is List without retries.
	ListOnce(ctx context.Context, path string, query url.Values) (logto.Page, error)
	// Object reads an object.
	Object(ctx context.Context, path string, query url.Values) (jsontext.Value, error)
}

// A Proof is what is known of a listing when its walk has ended.
type Proof struct {
	Listing  *catalog.Listing
	Walk     catalog.Walk
	Parents  int       // parents it was read for; 1 at the top
	Total    int       // sum of the Total-Numbers; -1 where none was sent
	Distinct int       // distinct items read
	ReadAt   time.Time // when the walk ended
	Findings           // the outcome says what can be said of the table now; it is not empty
	// ProvedUntil is up to when an append-only listing is Complete, by the
	// server's clock. Zero: nothing new is proved.
	ProvedUntil time.Time
}

// ProofOutcome says what a walk proved.
type ProofOutcome string

const (
	// Complete: what was read is all there is.
	Complete ProofOutcome = "complete"
	// NotProved: what was read is there, but there may be more.
	NotProved ProofOutcome = "not proved"
	// Failed: the listing, or part of it, could not be read.
	Failed ProofOutcome = "failed"
	// Unknown: the server is too old to have the listing.
	Unknown ProofOutcome = "unknown to server"
)
