package extract_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/rawjson"
)

// feedServer serves a log, newest first, with exclusive bounds as in Logto 1.40.
type feedServer struct {
	extract.API      // for what is not asked for
	late        bool // an entry is committed late, once the third page is asked for

	mu      sync.Mutex
	moments []int64
	pages   int
}

// List implements extract.API.
func (s *feedServer) List(_ context.Context, _ string, query url.Values) (logto.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages++
	number := func(name string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
			return n
		}
		return otherwise
	}
	page, size := int(number("page", 1)), int(number("page_size", 20))
	if s.late && page == 3 {
		s.late = false
		s.moments = append(s.moments, s.moments[len(s.moments)/2]+5)
		slices.Sort(s.moments)
	}
	from, to := number("start_time", 0), number("end_time", 1<<62)
	var window []int64
	for _, at := range slices.Backward(s.moments) {
		if at > from && at < to {
			window = append(window, at)
		}
	}
	out := logto.Page{Total: len(window)}
	offset := min(len(window), (page-1)*size)
	for _, at := range window[offset:min(len(window), offset+size)] {
		out.Items = append(out.Items, jsontext.Value(fmt.Sprintf(`{"id":"%d","createdAt":%d}`, at, at)))
	}
	return out, nil
}

// A page of a window is asked for beside the others, and then one after another
// where these do not add up.
func TestAFeedIsReadWholeWhateverIsCommittedLate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		late  bool
		pages int
	}{"at rest": {false, 5}, "an entry committed late": {true, 10}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &feedServer{late: tc.late}
			began := time.UnixMilli(1_000_000)
			for i := range int64(47) {
				s.moments = append(s.moments, began.UnixMilli()+i*10)
			}
			first := slices.Clone(s.moments)
			seen := map[int64]bool{}
			w := &extract.Walker{API: s, PageSize: 10}
			reason, err := w.ReadFeed(t.Context(), "/logs", began, func(value jsontext.Value) {
				text, _ := rawjson.StringField(value, "id")
				var at int64
				if _, err := fmt.Sscanf(text, "%d", &at); err != nil {
					t.Error(err)
				}
				seen[at] = true
			})
			if err != nil || reason != "" {
				t.Fatalf("%q, %v", reason, err)
			}
			for _, at := range first {
				if !seen[at] {
					t.Errorf("the entry of %d is missing", at)
				}
			}
			if s.pages > tc.pages {
				t.Errorf("%d requests, want at most %d", s.pages, tc.pages)
			}
		})
	}
}
