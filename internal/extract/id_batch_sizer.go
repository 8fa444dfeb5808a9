package extract

import (
	"errors"
	"net/url"
	"sync"
	"time"

	"logto-syncer/internal/logto"
)

// Logto repeats the query in each Link of its answer. So a request that names
// many ids has an answer with a large header, which a proxy may not let through:
// nginx answers 502 from 4 KiB on unless told otherwise.
const (
	// largestHeader is the header of an answer to begin with, in bytes. HAProxy
	// lets 15,360 through.
	largestHeader = 15_000
	// cautiousHeader is what nginx lets through, less what it takes out before
	// the client sees it.
	cautiousHeader = 3_900
	// smallestHeader is what every proxy known lets through.
	smallestHeader = 3_300
	// usualHeader and usualLink are the header of an answer without its links, and
	// a link without path and query, until the server has shown its own.
	usualHeader, usualLink = 700, 60
	// relearnAfter is how old a limit gets before it is looked for again: the
	// proxy may have been set otherwise.
	relearnAfter = 30 * 24 * time.Hour
)

// errTooManyIDs is the error of a request that was not sent, or was refused,
// since it names more ids than a proxy lets through.
var errTooManyIDs = errors.New("more ids than a request may name")

// An IDBatchLimit is how large a request may be, by what a proxy has refused.
type IDBatchLimit struct {
	// HeaderBytes is the largest header of an answer that goes through.
	HeaderBytes int
	// IDs is how many ids the request named that was let through.
	IDs int
	// Status is what the proxy answered to a larger one.
	Status int
	// FoundAt is when that was found out.
	FoundAt time.Time
}

// ValidAt reports whether the limit still holds; the zero IDBatchLimit does not.
func (l IDBatchLimit) ValidAt(now time.Time) bool {
	return l.HeaderBytes > 0 && now.Sub(l.FoundAt) < relearnAfter
}

// An IDBatchSizer finds out how many ids a request to a tenant may name, and
// remembers it. Requests larger than any that was answered are sent one at a
// time. If one is refused and a smaller one is not, that is the limit. It is safe
// for concurrent use. A nil *IDBatchSizer knows no limit.
type IDBatchSizer struct {
	probe chan struct{} // held by who sends a request larger than any answered

	mu       sync.Mutex
	limit    IDBatchLimit
	answered int // the largest header that is known to go through
	header   int // of an answer, without its links
	link     int // of one link, without path and query
}

// NewIDBatchSizer returns an IDBatchSizer that begins with a limit known from
// before; the zero IDBatchLimit is none.
func NewIDBatchSizer(known IDBatchLimit) *IDBatchSizer {
	return &IDBatchSizer{
		probe: make(chan struct{}, 1), limit: known, header: usualHeader, link: usualLink,
		answered: max(smallestHeader, known.HeaderBytes),
	}
}

// Limit returns what is known now; the zero IDBatchLimit: no limit.
func (s *IDBatchSizer) Limit() IDBatchLimit {
	if s == nil {
		return IDBatchLimit{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit
}

// An idBatchRequest asks a listing for ids, in one request.
type idBatchRequest struct {
	walk   *walk
	parent string
	ids    []string
	rows   int // of a page
	links  int // in the answer
}

// newIDCountRequest asks only how many of the ids there are.
func (k *walk) newIDCountRequest(parent string, ids []string) idBatchRequest {
	return idBatchRequest{walk: k, parent: parent, ids: ids, rows: 1, links: 3}
}

// newIDRowRequest asks for the rows of the ids, a page of them at most.
func (k *walk) newIDRowRequest(parent string, ids []string) idBatchRequest {
	return idBatchRequest{walk: k, parent: parent, ids: ids, rows: k.pageSize(), links: 2}
}

// maxIDsPerRowRequest is how many of the ids one request may ask the rows of.
func (k *walk) maxIDsPerRowRequest(parent string, ids []string) int {
	return k.IDBatchSizer.maxIDs(k.newIDRowRequest(parent, ids), k.pageSize())
}

func (r idBatchRequest) path() string { return r.walk.l.PathForParent(r.parent) }

func (r idBatchRequest) query() url.Values { return r.walk.query(pageQuery(1, r.rows), idQuery(r.ids)) }

// withFirstIDs is the request for the first n ids.
func (r idBatchRequest) withFirstIDs(n int) idBatchRequest {
	r.ids = r.ids[:n]
	return r
}

// observeHeaderOverhead learns from an answer what its header has beside the query.
func (s *IDBatchSizer) observeHeaderOverhead(h logto.ResponseHeaderStats, path string, query url.Values) {
	if s == nil || h.Links == 0 || query.Has("search.id") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header = h.Bytes - h.LinkBytes
	s.link = max(0, h.LinkBytes/h.Links-len(path)-len(query.Encode()))
}

// responseHeaderSize is how large the header of the answer to r is going to be.
func (s *IDBatchSizer) responseHeaderSize(r idBatchRequest) int {
	link := s.link + len(r.path()) + len(r.walk.query(pageQuery(1, r.rows), idQuery(nil)).Encode()) + len("&search.id=")
	for _, id := range r.ids {
		link += len(url.QueryEscape(id)) + len("%2C")
	}
	return s.header + r.links*link
}

// idsWithinHeader returns how many ids like those of r make a header of at most so many
// bytes: at least one, at most limit. If a proxy lets a single id through and not
// even the smallest request for more, its limit is not known in bytes: then it is one.
func (s *IDBatchSizer) idsWithinHeader(r idBatchRequest, limit, bytes int) int {
	if s.limit.IDs == 1 {
		return 1
	}
	longest := 0
	for _, id := range r.ids {
		longest = max(longest, len(url.QueryEscape(id))+len("%2C"))
	}
	room := bytes - s.responseHeaderSize(r.withFirstIDs(0))
	return max(1, min(limit, room/max(1, r.links*longest)))
}

// maxHeaderBytes is the largest header to ask for.
func (s *IDBatchSizer) maxHeaderBytes() int {
	if s.limit.HeaderBytes > 0 {
		return s.limit.HeaderBytes
	}
	return largestHeader
}

// maxIDs returns how many ids like those of r it may name, at most limit.
func (s *IDBatchSizer) maxIDs(r idBatchRequest, limit int) int {
	if s == nil {
		return limit
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idsWithinHeader(r, limit, s.maxHeaderBytes())
}

// fits reports whether r is within the limit, and whether an answer with a header of
// its size is known to go through.
func (s *IDBatchSizer) fits(r idBatchRequest) (fits, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.responseHeaderSize(r)
	return size <= s.maxHeaderBytes() && s.limit.IDs != 1 || len(r.ids) == 1, size <= s.answered
}

// recordAnswered notes that r was answered.
func (s *IDBatchSizer) recordAnswered(r idBatchRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = max(s.answered, s.responseHeaderSize(r))
}

// retractAnswered notes that r was refused, though no larger than a request that was answered.
func (s *IDBatchSizer) retractAnswered(r idBatchRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = min(s.answered, s.responseHeaderSize(r)-1)
}

// setLimit makes the size of r the limit, or the larger one that it was cut to.
func (s *IDBatchSizer) setLimit(r idBatchRequest, bytes, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes = max(bytes, s.responseHeaderSize(r))
	s.limit = IDBatchLimit{HeaderBytes: bytes, IDs: len(r.ids), Status: status, FoundAt: time.Now()}
	s.answered = bytes
}
