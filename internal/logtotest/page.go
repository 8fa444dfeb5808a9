package logtotest

import (
	"math"
	"net/http"
	"strconv"
	"strings"
)

// An apiRequest is one request under /api on its way through the server.
type apiRequest struct {
	s       *Server
	t       *Tenant
	r       *http.Request
	n       int      // the number of the request
	args    []string // what the * of the route matched
	sent    query    // the parameters that were sent
	q       query    // those the server understands
	edition *versionFeatures
	added   map[string]string // fields beside the columns, by table
	faults  []Fault           // those that change the rows or the headers
	paged   bool              // this listing is paged although nobody asked for a page
}

// A listing is one paged or whole list. Both functions run under the tenant's
// read lock, one after the other, with a gap between.
type listing struct {
	optional bool
	count    func() int
	rows     func(b []byte, offset, limit int) []byte // items, each followed by a comma; limit < 0 is all
	cap      int                                      // enableCap's limit, 0 for none
}

const defaultPageSize, maxPageSize = 20, 100

// paging reads page and page_size as JavaScript would; whole is that neither was
// sent where both are optional.
func (c *apiRequest) paging(optional bool) (offset, size float64, whole, ok bool) {
	page, pageOK := parsePagingNumber(c.q.all("page"), 1)
	size, sizeOK := parsePagingNumber(c.q.all("page_size"), defaultPageSize)
	if !pageOK || !sizeOK || size > maxPageSize {
		return 0, 0, false, false
	}
	whole = optional && !c.paged && c.q.get("page") == "" && c.q.get("page_size") == ""
	return (page - 1) * size, size, whole, true
}

func parsePagingNumber(values []string, standard float64) (float64, bool) {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return standard, true
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(values[0]), 64)
	if len(values) > 1 || err != nil || math.IsNaN(f) || f <= 0 {
		return 0, false
	}
	return f, true
}

// answerListing answers with a list, in two statements if it is paged.
func (c *apiRequest) answerListing(l listing) answer {
	offset, size, whole, ok := c.paging(l.optional)
	if !ok {
		return failure(http.StatusBadRequest, "guard.invalid_pagination", "The request pagination value is invalid.")
	}
	if whole {
		return c.answerItems(l, 0, -1)
	}
	if offset != math.Trunc(offset) || size != math.Trunc(size) || offset > math.MaxInt64/2 {
		return failure(http.StatusUnprocessableEntity, "entity.invalid_input", "Invalid input. Value list must not be empty.")
	}
	c.t.mu.RLock()
	total := l.count()
	c.t.mu.RUnlock()
	c.s.callBetweenStatements(c.n, c.r)
	at, limit := int(offset), int(size)
	for _, f := range c.faults {
		switch f.Kind {
		case Empty:
			limit = 0
		case Short:
			limit = max(0, min(limit, total-at)-1)
		case WrongPage:
			at = max(0, at-limit)
		}
	}
	a := c.answerItems(l, at, limit)
	if a.status != http.StatusOK {
		return a
	}
	capped := l.cap > 0 && c.q.isTrue("enableCap") && total > l.cap
	if capped {
		total = l.cap + 1
	}
	for _, f := range c.faults {
		switch {
		case f.Kind == NoTotal:
			return a
		case f.Kind == Capped && total > f.Cap:
			capped, total = true, f.Cap+1
		}
	}
	c.setPagingHeaders(&a, int(offset)/int(size)+1, total, int(size), capped)
	return a
}

func (c *apiRequest) answerItems(l listing, offset, limit int) answer {
	room, _ := bodies.Get().(*[]byte)
	c.t.mu.RLock()
	b := l.rows(append((*room)[:0], '['), offset, limit)
	c.t.mu.RUnlock()
	if n := len(b); n > 1 {
		b[n-1] = ']' // over the last comma
	} else {
		b = append(b, ']')
	}
	*room = b
	return answer{status: http.StatusOK, body: b, room: room}
}

// setPagingHeaders sets the headers of a paged answer.
func (c *apiRequest) setPagingHeaders(a *answer, page, total, size int, capped bool) {
	last := max(1, (total+size-1)/size)
	a.addHeader("Total-Number", strconv.Itoa(total))
	before, after := c.sent.linkQueryParts()
	before = "<http://" + c.r.Host + strings.TrimPrefix(c.r.URL.Path, "/api") + "?" + before
	link := func(page int, rel string) {
		a.addHeader("Link", before+strconv.Itoa(page)+after+">; rel=\""+rel+"\"")
	}
	link(1, "first")
	if page > 1 {
		link(page-1, "prev")
	}
	if capped {
		a.addHeader("Total-Number-Is-Capped", "true")
		return
	}
	link(last, "last")
	if page < last {
		link(page+1, "next")
	}
}

// tableListing is a page of a table's rows picked by keep (nil is all of them), each
// shown by show. A page of the whole table comes in the order of table.unordered.
func (c *apiRequest) tableListing(tab *table, keep func(*row) bool, show func(b []byte, r *row) []byte) listing {
	picked := func() []*row {
		var rows []*row
		for _, r := range tab.heap {
			if keep(r) {
				rows = append(rows, r)
			}
		}
		return rows
	}
	return listing{
		count: func() int {
			if keep == nil {
				return len(tab.heap)
			}
			return len(picked())
		},
		rows: func(b []byte, offset, limit int) []byte {
			var rows []*row
			if keep == nil {
				rows = tab.unorderedPage(offset, limit, c.s.orderly)
			} else {
				rows = window(picked(), offset, limit)
			}
			for _, r := range rows {
				b = append(show(b, r), ',')
			}
			return b
		},
	}
}

// foundRowsListing is a listing of rows that are found, and sorted, anew for each statement.
func foundRowsListing(find func() []*row, show func(b []byte, r *row) []byte) listing {
	return listing{
		count: func() int { return len(find()) },
		rows: func(b []byte, offset, limit int) []byte {
			for _, r := range window(find(), offset, limit) {
				b = append(show(b, r), ',')
			}
			return b
		},
	}
}

// rowAppender shows a row of a table whole, as most endpoints do.
func (c *apiRequest) rowAppender(tab *table) func(b []byte, r *row) []byte {
	return func(b []byte, r *row) []byte { return append(c.appendOpenRow(b, tab, r, true), '}') }
}
