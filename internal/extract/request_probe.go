package extract

import (
	"context"
	"errors"
	"fmt"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// fetch sends r. Its error is errTooManyIDs if r names more ids than a request may.
func (r idRequest) fetch(ctx context.Context) (logto.Page, error) {
	s := r.walk.RequestSize
	for range maxRepeats {
		if s == nil {
			break
		}
		fits, known := s.checkFits(r)
		if !fits {
			return logto.Page{}, errTooManyIDs
		}
		if known {
			break
		}
		page, done, err := r.probe(ctx)
		if done || err != nil {
			return page, err
		}
	}
	return r.walk.fetchList(ctx, r.parent, r.query())
}

// probe sends r, which is larger than any request answered so far, while no
// other one of that kind is sent. done is false where that told nothing, or
// another one has told meanwhile: then it is to be looked at again.
//
// If r may have been refused for its size, smaller ones are sent, down to one id.
// The first that is answered, while r is refused once more, is the limit. So at
// most two requests fail before a limit is known that a proxy in its default
// configuration has. If not even one id gets an answer, the server is out of
// order, and nothing is learnt.
func (r idRequest) probe(ctx context.Context) (page logto.Page, done bool, err error) {
	s := r.walk.RequestSize
	select {
	case s.probe <- struct{}{}:
	case <-ctx.Done():
		return logto.Page{}, false, ctx.Err()
	}
	defer func() { <-s.probe }()
	if fits, known := s.checkFits(r); !fits || known {
		return logto.Page{}, false, nil
	}
	page, err = r.sendWithoutRetries(ctx)
	refused, certain := logto.IsTooLarge(err)
	if !refused {
		return r.finish(ctx, page, err)
	}
	status, refusals := statusOf(err), 1
	for _, header := range []int{cautiousHeader, smallestHeader, 0} {
		few := r.withFirstIDs(s.maxIDsForHeader(r, header))
		if len(few.ids) == len(r.ids) {
			continue
		}
		_, err := few.sendWithoutRetries(ctx)
		if again, _ := logto.IsTooLarge(err); again {
			refusals++
			continue
		}
		if err != nil {
			break
		}
		if refusals == 1 && !certain {
			page, err := r.sendWithoutRetries(ctx)
			if again, _ := logto.IsTooLarge(err); !again {
				return r.finish(ctx, page, err)
			}
		}
		s.learn(few, header, status)
		return logto.Page{}, false, errTooManyIDs
	}
	_, err = r.withFirstIDs(1).walk.fetchList(ctx, r.parent, r.withFirstIDs(1).query()) // waits until it is answered
	return logto.Page{}, false, err
}

// TryLargestRequests asks for users in the largest requests that a run sends, and
// returns what a proxy makes of them; the zero RequestLimit: it lets them through.
func TryLargestRequests(ctx context.Context, api API) (RequestLimit, error) {
	k := &walk{Walker: &Walker{API: api, RequestSize: NewRequestSize(RequestLimit{})}, l: catalog.Find("users")}
	page, err := k.fetchList(ctx, "", pageQuery(1, k.pageSize()))
	if err != nil {
		return RequestLimit{}, err
	}
	var ids []string
	for _, item := range k.decodeItems(ctx, page) {
		ids = append(ids, item.ID)
	}
	for n := 0; len(ids) < countPages*k.pageSize(); n++ {
		ids = append(ids, fmt.Sprintf("nobody%06d", n)) // as long as an id of a user
	}
	for _, r := range []idRequest{k.countRequest("", ids), k.rowRequest("", ids[:k.pageSize()])} {
		if _, err := r.fetch(ctx); err != nil && !errors.Is(err, errTooManyIDs) {
			return RequestLimit{}, err
		}
	}
	return k.RequestSize.Limit(), nil
}

// sendWithoutRetries sends r without retries.
func (r idRequest) sendWithoutRetries(ctx context.Context) (logto.Page, error) {
	if r.walk.stopped() {
		return logto.Page{}, ErrStopped
	}
	r.walk.addRequest(ctx)
	return r.walk.API.ListOnce(ctx, r.path(), r.query())
}

// finish ends the probe of a request that was answered, or failed for another
// reason than its size: then it is sent again as others are.
func (r idRequest) finish(ctx context.Context, page logto.Page, err error) (logto.Page, bool, error) {
	if err != nil {
		page, err = r.walk.fetchList(ctx, r.parent, r.query())
	}
	if err == nil {
		r.walk.RequestSize.recordAnswered(r)
	}
	return page, true, err
}

// maxIDsForHeader returns how many ids of r make a header of at most so many bytes.
func (s *RequestSize) maxIDsForHeader(r idRequest, header int) int {
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
