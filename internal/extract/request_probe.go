package extract

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// confirmations is how often in a row a request has to be refused, and a smaller
// one answered, until a limit is believed: once for a size that is new, more
// often for one that went through before, since an outage that comes and goes
// looks the same.
const (
	confirmations         = 1
	confirmationsOfDoubts = 3
)

// fetch sends r. Its error is errTooManyIDs if r names more ids than a request may.
func (r idBatchRequest) fetch(ctx context.Context) (logto.Page, error) {
	s := r.walk.IDBatchSizer
	confirm := confirmations
	for range maxRepeats {
		if s == nil || len(r.ids) == 1 {
			break
		}
		fits, known := s.fits(r)
		if !fits {
			return logto.Page{}, errTooManyIDs
		}
		if known {
			page, err := r.sendWithoutRetries(ctx)
			if err == nil {
				return page, nil
			}
			if !mayHaveBecomeTooLarge(err) {
				break
			}
			s.retractAnswered(r)
			confirm = confirmationsOfDoubts
		}
		page, done, err := r.probe(ctx, confirm)
		if done || err != nil {
			return page, err
		}
	}
	return r.walk.fetchListPage(ctx, r.parent, r.query())
}

// mayHaveBecomeTooLarge reports whether a proxy may have refused a request that
// is no larger than one it let through: it was configured anew, or the estimate
// of a header is wrong. 500 and 503 are no such answers, for rows that the server
// cannot send and servers that are overloaded answer so.
func mayHaveBecomeTooLarge(err error) bool {
	may, _ := logto.IsRequestTooLarge(err)
	status := statusOf(err)
	return may && status != http.StatusInternalServerError && status != http.StatusServiceUnavailable
}

// probe sends r, which is larger than any request answered so far, while no
// other one of that kind is sent. done is false where that told nothing, or
// another one has told meanwhile: then it is to be looked at again.
//
// If r may have been refused for its size, smaller ones are sent, down to one id.
// The first that is answered is the limit, if the next larger one is refused once
// more. So two requests fail before a limit is known that a proxy in its default
// configuration has. If not even one id gets an answer, the server is out of
// order, and nothing is learnt.
func (r idBatchRequest) probe(ctx context.Context, confirm int) (page logto.Page, done bool, err error) {
	s := r.walk.IDBatchSizer
	select {
	case s.probe <- struct{}{}:
	case <-ctx.Done():
		return logto.Page{}, false, ctx.Err()
	}
	defer func() { <-s.probe }()
	if fits, known := s.fits(r); !fits || known {
		return logto.Page{}, false, nil
	}
	page, err = r.sendWithoutRetries(ctx)
	if refused, _ := logto.IsRequestTooLarge(err); !refused {
		return r.finishProbe(ctx, page, err)
	}
	larger, refusal := r, err
	for _, header := range []int{cautiousHeader, smallestHeader, 0} {
		few := r.withFirstIDs(s.maxIDsForHeader(r, header))
		if len(few.ids) == len(larger.ids) {
			continue
		}
		_, err := few.sendWithoutRetries(ctx)
		if refused, _ := logto.IsRequestTooLarge(err); refused {
			larger = few
			continue
		}
		if err != nil {
			break
		}
		if !larger.confirmRefusal(ctx, few, refusal, confirm) {
			return logto.Page{}, false, nil
		}
		s.setLimit(few, header, statusOf(refusal))
		return logto.Page{}, false, errTooManyIDs
	}
	_, err = r.withFirstIDs(1).walk.fetchListPage(ctx, r.parent, r.withFirstIDs(1).query()) // waits until it is answered
	return logto.Page{}, false, err
}

// confirmRefusal reports whether r, which got the refusal, is refused so many
// times more, and few answered in between.
func (r idBatchRequest) confirmRefusal(ctx context.Context, few idBatchRequest, refusal error, times int) bool {
	if _, certain := logto.IsRequestTooLarge(refusal); certain {
		return true
	}
	for n := range times {
		if n > 0 {
			if _, err := few.sendWithoutRetries(ctx); err != nil {
				return false
			}
		}
		_, err := r.sendWithoutRetries(ctx)
		if refused, _ := logto.IsRequestTooLarge(err); !refused {
			return false
		}
	}
	return true
}

// ProbeIDBatchLimit asks for users in the largest requests that a run sends, and
// returns what a proxy makes of them; the zero IDBatchLimit: it lets them through.
func ProbeIDBatchLimit(ctx context.Context, api API) (IDBatchLimit, error) {
	k := &walk{Walker: &Walker{API: api, IDBatchSizer: NewIDBatchSizer(IDBatchLimit{})}, l: catalog.Find("users")}
	page, err := k.fetchListPage(ctx, "", pageQuery(1, k.pageSize()))
	if err != nil {
		return IDBatchLimit{}, err
	}
	ids := idsOf(k.decodeItems(ctx, page))
	for n := 0; len(ids) < countPages*k.pageSize(); n++ {
		ids = append(ids, fmt.Sprintf("nobody%06d", n)) // as long as an id of a user
	}
	for _, r := range []idBatchRequest{k.newIDCountRequest("", ids), k.newIDRowRequest("", ids[:k.pageSize()])} {
		if _, err := r.fetch(ctx); err != nil && !errors.Is(err, errTooManyIDs) {
			return IDBatchLimit{}, err
		}
	}
	return k.IDBatchSizer.Limit(), nil
}

// sendWithoutRetries sends r without retries.
func (r idBatchRequest) sendWithoutRetries(ctx context.Context) (logto.Page, error) {
	if r.walk.stopRequested() {
		return logto.Page{}, ErrStopped
	}
	r.walk.addRequest(ctx)
	return r.walk.API.ListOnce(ctx, r.path(), r.query())
}

// finishProbe ends the probe of a request that was answered, or failed for another
// reason than its size: then it is sent again as others are.
func (r idBatchRequest) finishProbe(ctx context.Context, page logto.Page, err error) (logto.Page, bool, error) {
	if err != nil {
		page, err = r.walk.fetchListPage(ctx, r.parent, r.query())
	}
	if err == nil {
		r.walk.IDBatchSizer.recordAnswered(r)
	}
	return page, true, err
}

// maxIDsForHeader returns how many ids of r make a header of at most so many bytes.
func (s *IDBatchSizer) maxIDsForHeader(r idBatchRequest, header int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idsWithinHeader(r, len(r.ids), header)
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*logto.Error](err); ok {
		return e.Status
	}
	return 0
}
