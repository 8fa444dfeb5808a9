package extract

import (
	"context"
	"maps"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sourcegraph/conc/pool"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/rawjson"
)

// maxFeedPages bounds how much of a feed is read at once.
const maxFeedPages = 500

// feedRead is the reading of a feed from a moment on. A page is one statement:
// everything the feed had between its newest and its oldest moment is on it. So
// pages that overlap by a moment leave nothing out, whatever order the server
// gives to entries of one moment, and however many come meanwhile.
type feedRead struct {
	*Walker
	path  string
	from  int64 // milliseconds
	each  func(jsontext.Value)
	pages int

	mu sync.Mutex // held while entries are handed on
}

// ReadFeed reads a log, newest first, from a moment on, by the server's clock,
// and calls each with every entry, those of pages that overlap more than once,
// and some that are older. reason says why entries may be missing; empty: none is.
func (w *Walker) ReadFeed(ctx context.Context, path string, from time.Time, each func(jsontext.Value)) (reason string, err error) {
	r := feedRead{Walker: w, path: path, from: from.UnixMilli(), each: each}
	reason, ignored, err := r.readByBounds(ctx)
	if ignored {
		reason, err = r.readNewestFirst(ctx)
	}
	if logto.IsPoison(err) {
		return "an entry makes the server answer 500", nil
	}
	return reason, err
}

// fetch asks for a page and hands its entries on.
func (r *feedRead) fetch(ctx context.Context, n, size int, bounds url.Values) (page logto.Page, s pageTimeSpan, err error) {
	select {
	case <-r.Stop:
		return page, s, ErrStopped
	default:
	}
	r.mu.Lock()
	r.pages++
	r.mu.Unlock()
	query := pageQuery(n, size)
	maps.Copy(query, bounds)
	for range maxRepeats {
		page, err = r.API.List(ctx, r.path, query)
		if err != nil || len(page.Items) >= size || page.Total < 0 || page.Capped || (n-1)*size+len(page.Items) >= page.Total {
			break
		} // rows and count do not agree
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, item := range page.Items {
		r.each(item)
	}
	return page, pageTimeSpanOf(page), err
}

func (r *feedRead) pageSize() int {
	if r.PageSize == 0 {
		return maxPage
	}
	return r.PageSize
}

const (
	tooManyEntries = "there are more entries than are read at once"
	sameMoment     = "entries of one millisecond fill a page"
)

// readByBounds reads windows, each ending where the one before it began. The bounds
// are exclusive in Logto 1.40 and 1.41. ignored reports that the server does not
// narrow the list to a window, as before 1.40.
func (r *feedRead) readByBounds(ctx context.Context) (reason string, ignored bool, err error) {
	bounds := url.Values{"start_time": {strconv.FormatInt(r.from-1, 10)}}
	end, n := int64(noMoment), 1
	tied := ""
	for r.pages < maxFeedPages {
		page, s, err := r.fetch(ctx, n, r.pageSize(), bounds)
		switch {
		case err != nil:
			return "", false, err
		case len(page.Items) > 0 && (s.oldest < r.from-1 || end != noMoment && s.newest > end+1):
			return "", true, nil
		case len(page.Items) < r.pageSize():
			if reason = shortPageDoubt(page, n, r.pageSize()); reason == "" {
				reason = tied
			}
			return reason, false, nil
		case s.oldest == s.newest || end != noMoment && s.oldest >= end:
			tied = sameMoment // pages by offset: their order may change in between
			if n++; n > 20 {
				return tied, false, nil
			}
			continue
		}
		if end == noMoment {
			all, err := r.readRestInParallel(ctx, page, s, bounds)
			if all || err != nil {
				return "", false, err
			}
		}
		end, n = s.oldest, 1
		bounds.Set("end_time", strconv.FormatInt(end+1, 10))
	}
	return tooManyEntries, false, nil
}

// minPagesAtOnce is how many pages a window has that are asked for at once.
const minPagesAtOnce = 3

// readRestInParallel reads what comes behind the first page of a window, all pages at once,
// in a window that ends with that page's newest entry: nothing comes into it any
// more, but what is committed late. It reports whether that was all: if every
// page has the same Total-Number, and as many entries were seen.
func (r *feedRead) readRestInParallel(ctx context.Context, first logto.Page, s pageTimeSpan, bounds url.Values) (all bool, err error) {
	size := r.pageSize()
	pages := (first.Total + size - 1) / size
	if first.Capped || pages < minPagesAtOnce || pages > maxFeedPages-r.pages {
		return false, nil
	}
	closed := maps.Clone(bounds)
	closed.Set("end_time", strconv.FormatInt(s.newest+1, 10))
	ids := idSet{}
	var mu sync.Mutex
	agree := true
	add := func(page logto.Page) {
		mu.Lock()
		defer mu.Unlock()
		agree = agree && page.Total == first.Total && !page.Capped
		for _, item := range page.Items {
			if id, ok := rawjson.StringField(item, "id"); ok {
				ids[id] = struct{}{}
			}
		}
	}
	add(first)
	p := pool.New().WithContext(ctx).WithMaxGoroutines(16).WithCancelOnError().WithFirstError()
	for n := 2; n <= pages; n++ {
		p.Go(func(ctx context.Context) error {
			page, _, err := r.fetch(ctx, n, size, closed)
			if err == nil {
				add(page)
			}
			return err
		})
	}
	err = p.Wait()
	return err == nil && agree && len(ids) == first.Total, err
}

// shortPageDoubt says what a page that is not full leaves in doubt.
func shortPageDoubt(page logto.Page, n, size int) string {
	if page.Total > (n-1)*size+len(page.Items) && !page.Capped {
		return "the server counts more entries than it sends"
	}
	return ""
}

// readNewestFirst reads pages from the top that overlap by a moment.
func (r *feedRead) readNewestFirst(ctx context.Context) (reason string, err error) {
	covered, rank, retries := int64(noMoment), 0, 0
	for r.pages < maxFeedPages {
		n, size := pageStartingAtOrBefore(rank, r.pageSize())
		offset := (n - 1) * size
		page, s, err := r.fetch(ctx, n, size, nil)
		if err != nil {
			return "", err
		}
		rows := len(page.Items)
		if offset > 0 && covered != noMoment && (rows == 0 || s.newest <= covered) {
			if retries++; retries > maxRepeats {
				return "two pages in a row do not overlap", nil
			}
			rank = max(0, offset-size/2)
			continue
		}
		switch {
		case rows < size:
			return shortPageDoubt(page, n, size), nil
		case s.oldest < r.from:
			return "", nil
		case s.ties == rows:
			return sameMoment, nil
		}
		covered, rank, retries = s.oldest, max(0, offset+rows-s.ties-1), 0
	}
	return tooManyEntries, nil
}
